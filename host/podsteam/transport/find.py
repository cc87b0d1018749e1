# SPDX-License-Identifier: Apache-2.0
"""How a port is named, and which port a name means. Never "the first found": exactly one match, or an error.

    /dev/ttyUSB0, COM3        a serial port by its path
    unit:a1b2c3d4e5f6         the device's own address; asks every candidate who it is
    id:SERIAL                 the USB adapter's serial number
    usb:LOCATION              the USB socket that the adapter is plugged into, such as 1-4.2
    socket://HOST:PORT        a served simulated board, or a serial server
    sim                       a new simulated board with a demo podlet
    sim:NAME                  one that keeps its flash and its podlet between commands

Without a name the environment variable PODSTEAM_PORT counts, then the preferences, then the only candidate that is
connected.
Listing opens nothing.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from podsteam.errors import AmbiguousDevice, NoDevice, PodsteamError, UsageProblem
from podsteam.text import safe
from podsteam.transport.port import Port

ENVIRONMENT = "PODSTEAM_PORT"
FORMS = "a path, unit:SERIAL, id:SERIAL, usb:LOCATION, socket://HOST:PORT, sim or sim:NAME"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A port that could have a podsteam behind it. Text fields come from an adapter and are untrusted."""

    port: str
    kind: str
    """"usb" or "twin"."""
    description: str = ""
    adapter: str = ""
    """Serial number of the USB adapter."""
    location: str = ""
    """USB location of the adapter."""
    usb: str = ""
    """Vendor and product, as 10c4:ea60."""

    def data(self) -> dict[str, Any]:
        """The fields as a dict for JSON."""
        return asdict(self)


def candidates() -> list[Candidate]:
    """USB serial adapters and served simulated boards, by port name. Opens nothing."""
    from serial.tools import list_ports

    from podsteam.transport import sim

    found: list[Candidate] = []
    for info in list_ports.comports():
        if info.vid is None:
            continue
        usb = f"{info.vid:04x}:{info.pid or 0:04x}"
        text = info.description if info.description and info.description != "n/a" else ""
        found.append(Candidate(info.device, "usb", text, info.serial_number or "", info.location or "", usb))
    for twin in sim.running():
        name = str(twin.get("name") or "")
        found.append(Candidate(str(twin["link"]), "twin", f"simulated board {name}".rstrip()))
    return sorted(found, key=lambda c: c.port)


def resolve(name: str, ask: Callable[[str], str] | None = None) -> str:
    """The port that a name means: a path, socket://..., sim or sim:NAME.

    `ask` gives the unit's address for a port (needed for unit:); the default opens it and sends HELLO.
    Raises NoDevice, AmbiguousDevice or UsageProblem.
    """
    from podsteam.preferences import load

    name = name or os.environ.get(ENVIRONMENT, "") or load().port
    if not name:
        return _only(candidates(), "No device found; connect one, name a port with --port, or use --port sim.", "")
    scheme, colon, rest = name.partition(":")
    if name.startswith("socket://"):
        from podsteam.transport.socketport import address_of

        address_of(name)
        return name
    if scheme == "sim":
        return name
    if scheme == "id" and colon:
        found = [c for c in candidates() if c.adapter and c.adapter.lower() == rest.lower()]
        return _only(found, f"No adapter has the serial number '{safe(rest)}'.", name)
    if scheme == "usb" and colon:
        found = [c for c in candidates() if c.location and c.location == rest]
        return _only(found, f"No adapter is plugged in at '{safe(rest)}'.", name)
    if scheme == "unit" and colon:
        return _unit(rest, name, ask or unit_at)
    if colon and len(scheme) > 1 and not os.path.exists(name):
        raise UsageProblem(f"'{safe(name)}' is no port; a port is {FORMS}.")
    return name


def _only(found: list[Candidate], none: str, name: str) -> str:
    if not found:
        raise NoDevice(none)
    if len(found) > 1:
        shown = ", ".join(_shown(c) for c in found)
        asked = f" match '{safe(name)}'" if name else " are connected"
        raise AmbiguousDevice(f"{len(found)} devices{asked}, name one with --port: {shown}.")
    return found[0].port


def _shown(candidate: Candidate) -> str:
    more = candidate.description or candidate.usb
    return f"{safe(candidate.port)} ({safe(more, 40)})" if more else safe(candidate.port)


def _unit(serial: str, name: str, ask: Callable[[str], str]) -> str:
    """Ask every candidate for its address."""
    wanted = serial.replace(":", "").replace("-", "").lower()
    if len(wanted) != 12 or not set(wanted) <= set("0123456789abcdef"):
        raise UsageProblem(f"'{safe(name)}' is no unit; write unit: and the 12 hex digits that `podsteam info` shows.")
    matching: list[Candidate] = []
    silent: list[str] = []
    for candidate in candidates():
        try:
            if ask(candidate.port) == wanted:
                matching.append(candidate)
        except PodsteamError as e:
            silent.append(f"{safe(candidate.port)}: {e}")
    note = f" Not asked: {' '.join(silent)}" if silent else ""
    return _only(matching, f"No connected device is unit {wanted}.{note}", name)


def unit_at(port: str) -> str:
    """The address of the device on a port, as 12 hex digits. Opens the port and sends HELLO."""
    from podsteam.client import Device

    with Device(open_port(port)) as device:
        return device.hello.uid.hex()


def open_port(name: str, **options: Any) -> Port:
    """Open a resolved port. `options` go to a simulated board and are refused for anything else."""
    if name == "sim" or name.startswith("sim:"):
        from podsteam.transport.sim import SimPort

        return SimPort(name, **options)
    if options:
        raise UsageProblem(f"{', '.join(sorted(options))}: works with the port sim only.")
    if name.startswith("socket://"):
        from podsteam.transport.socketport import SocketPort

        return SocketPort(name)
    from podsteam.transport.serialport import SerialPort

    return SerialPort(name)


class Reopened:
    """Opens the port of a unit again: where it was, and in turn wherever the unit is now, since the old name may be
    gone, or another device's by now."""

    def __init__(self, name: str) -> None:
        """`name` is the resolved one."""
        self._name = name
        self._tries = 0

    def __call__(self, unit: str) -> Port:
        """Open it. Raises what `open_port` and `resolve` raise."""
        self._tries += 1
        fixed = self._name.startswith(("socket://", "sim"))
        if fixed or self._tries % 2:
            try:
                return open_port(self._name)
            except NoDevice:
                if fixed:
                    raise
        return open_port(resolve(f"unit:{unit}"))
