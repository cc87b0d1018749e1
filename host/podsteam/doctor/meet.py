# SPDX-License-Identifier: Apache-2.0
"""Looks at what is on the port: greets it, and when it is no podsteam keeps what it said. Changes nothing on it."""

import contextlib
from typing import Any

from podsteam import words
from podsteam.client import Device
from podsteam.doctor.view import Chip, Met, PortSeen
from podsteam.errors import NotPodsteam, PodsteamError, Refused, UsageProblem
from podsteam.text import name_of, safe
from podsteam.transport import find
from podsteam.transport.port import Clock, Port
from podsteam.wire import messages as m

_KEPT = 4096
_CHIP_BAUD = 115200
"""What every cable can do."""
_LISTEN_S = 1.0
_APART_S = 1.5
"""Between the two looks at the device's clock: with a millisecond's step, 0.1 % shows."""
_RESTING = (m.StateValue.IDLE, m.StateValue.COOLING, m.StateValue.FAULT)


class _Heard:
    """A port that keeps the newest of what it read."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self.name = port.name
        self.clock: Clock = port.clock
        self.virtual = port.virtual
        self.text = bytearray()

    def read(self, timeout_s: float) -> bytes:
        data = self._port.read(timeout_s)
        self.text = (self.text + data)[-_KEPT:]
        return data

    def write(self, data: bytes) -> None:
        self._port.write(data)

    def lines(self) -> dict[str, bool]:
        return self._port.lines()

    def close(self) -> None:
        self._port.close()


def meet(seen: PortSeen) -> Met:
    """Greet what is on the port, and ask it what the checks want to know."""
    try:
        heard = _Heard(find.open_port(seen.name))
    except PodsteamError as e:
        return Met(problem=str(e), status=e.status)
    try:
        device = Device(heard)
    except PodsteamError as e:
        text = bytes(heard.text)
        if isinstance(e, NotPodsteam):
            text = (text + _listen(seen.name, b">>> " in text))[-_KEPT:]
        return Met(text=text, problem=str(e), status=e.status)
    with device:
        try:
            return _ask(device, seen)
        except PodsteamError as e:
            return Met(problem=str(e), status=e.status, hello=_hello(device))


def _listen(name: str, prompt: bool) -> bytes:
    """What comes unasked. A MicroPython prompt is asked for its banner by Ctrl-B, which runs nothing."""
    text = b""
    with contextlib.suppress(PodsteamError):
        port = find.open_port(name)
        try:
            if prompt:
                port.write(b"\r\x02")
            end = port.clock.now() + _LISTEN_S
            while (left_s := end - port.clock.now()) > 0:
                text += port.read(left_s)
        finally:
            port.close()
    return text


def _hello(device: Device) -> dict[str, Any]:
    hello = device.hello
    return {
        "unit": hello.uid.hex(),
        "protocol": f"{hello.major}.{hello.minor}",
        "schema_hash": f"{hello.schema_hash:08x}",
        "firmware": f"{hello.firmware_major}.{hello.firmware_minor}.{hello.firmware_patch}",
        "reset_cause": words.word(words.RESET, hello.reset_cause),
        "capabilities": [bit.name for bit in m.CapBits if hello.caps & bit],
        "simulated": device.simulated,
        "uptime_s": hello.uptime_ms / 1000,
        "speed": hello.speed,
    }


def _info(device: Device) -> dict[str, Any]:
    info = device.info()
    version = f"{info.interpreter_major}.{info.interpreter_minor}.{info.interpreter_patch}"
    return {
        "firmware_hash": info.firmware_hash.hex(),
        "interpreter": {"name": name_of(info.interpreter), "version": version, "word_bits": info.word_bits},
        "board": name_of(info.board),
        "heap_free_bytes": info.heap_free,
        "heap_used_bytes": info.heap_used,
    }


def _ask(device: Device, seen: PortSeen) -> Met:
    hello, info = _hello(device), _info(device)
    # From the oldest event that it still has.
    device.link.order.start(0)
    status = device.status()
    events = [words.describe(each) for each in device.poll(device.in_clock(1.0)) if isinstance(each, m.Event)]
    failed: tuple[str, ...] | None = None
    with contextlib.suppress(Refused):
        reply = device.selftest()
        bad = reply.failed & reply.stops
        failed = tuple(check.name for bit, check in m.CHECKS.items() if bad & bit)
        if bad and not failed:
            failed = ("a check that this host tool does not know",)
    fast_ppm = _fast_ppm(device) if device.port.virtual or device.hello.speed == 1 else None
    resting = status.state in _RESTING
    minor = (device.hello.minor, m.MINOR)
    text = bytes(device.link.stray)
    device.close()
    restarts = _restarts(device, seen) if seen.serial and resting else None
    return Met(
        text=text,
        hello=hello,
        info=info,
        minor=minor,
        fast_ppm=fast_ppm,
        restarts=restarts,
        resting=resting,
        failed=failed,
        events=tuple(safe(each) for each in events[-64:]),
    )


def _fast_ppm(device: Device) -> float:
    """How much faster the device's clock runs than the port's."""
    from podsteam.clocksync import measure

    first = measure(device)
    device.port.clock.sleep(_APART_S)
    second = measure(device)
    passed_ms = (second.device_ms - first.device_ms) % (1 << 30)
    return (passed_ms / 1000 / (second.at_s - first.at_s) - 1) * 1e6


def _restarts(before: Device, seen: PortSeen) -> bool | None:
    """Whether opening the port once more gives another boot id; None: it did not answer."""
    try:
        with Device(find.open_port(seen.name)) as again:
            return again.link.boot_id != before.link.boot_id
    except PodsteamError:
        return None


def meet_chip(port: str, board: str) -> Chip:
    """Read the partition table through the chip's loader, which restarts the board. Raises UsageProblem for a board
    file that is wrong, or when esptool is not installed."""
    from podsteam.flash import boards, burn
    from podsteam.flash.container import TABLE_AT, TABLE_SIZE, chip_named, files_of, table

    burn.available()
    chip = chip_named(boards.find(board).chip)
    try:
        burn.look(port)
        raw = burn.Esptool(port, chip, _CHIP_BAUD).read(TABLE_AT, TABLE_SIZE, lambda _: None, restart=True)
    except UsageProblem as e:
        return Chip(chip.title, str(e), e.status, wrong=f"not the {chip.title}" in str(e))
    except PodsteamError as e:
        return Chip(chip.title, str(e), e.status)
    try:
        files = files_of(table(raw, "the chip"))
    except UsageProblem as e:
        return Chip(chip.title, table_problem=str(e))
    return Chip(chip.title, files_bytes=files.size)
