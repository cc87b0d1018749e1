# SPDX-License-Identifier: Apache-2.0
"""A serial port of this computer, through pyserial: USB adapters, built-in ports, pseudo-terminals.

Opened for this process alone, and without resetting the board (`lines`).
"""

import contextlib
import errno
import os
import select
import stat
import sys
import time
from typing import TYPE_CHECKING, cast

from podsteam.errors import DeviceLost, NoDevice, PodsteamError, PortBusy, PortForbidden, UsageProblem
from podsteam.text import safe
from podsteam.transport import lines
from podsteam.transport.port import WallClock

if TYPE_CHECKING:
    import serial

BAUD = 115200
_SEND_S = 5.0
_POLL_S = 0.01


class SerialPort:
    """An open serial port."""

    virtual = False

    def __init__(self, name: str) -> None:
        """Open `name` (a path or COM3). Raises NoDevice, PortForbidden, PortBusy or UsageProblem."""
        self.name = name
        self.clock = WallClock()
        self._serial: serial.Serial | None = None
        if os.name == "posix":
            look(name)
        self._serial = _open(name)

    def _lost(self, why: str) -> DeviceLost:
        return DeviceLost(f"The device on {safe(self.name)} went away ({why}).")

    def read(self, timeout_s: float) -> bytes:
        """As `Port.read`."""
        if self._serial is None:
            raise self._lost("the port is closed")
        try:
            if os.name == "posix":
                return self._read_posix(self._serial.fileno(), max(0.0, timeout_s))
            return self._read_polled(self._serial, max(0.0, timeout_s))
        except OSError as e:
            raise self._lost(_reason(e)) from e

    def _read_posix(self, fd: int, timeout_s: float) -> bytes:
        ready, _, _ = select.select([fd], [], [], timeout_s)
        if not ready:
            return b""
        data = os.read(fd, 65536)
        if not data:
            raise self._lost("the port hung up")
        return data

    def _read_polled(self, port: "serial.Serial", timeout_s: float) -> bytes:
        """Where a port cannot be waited for: its read times out after `_POLL_S`."""
        deadline = time.monotonic() + timeout_s
        while True:
            data = bytes(port.read(max(1, port.in_waiting)))
            if data or time.monotonic() >= deadline:
                return data

    def write(self, data: bytes) -> None:
        """As `Port.write`."""
        if self._serial is None:
            raise self._lost("the port is closed")
        try:
            self._serial.write(data)
        except OSError as e:
            raise self._lost(_reason(e)) from e

    @property
    def baud(self) -> int:
        """As `Rated.baud`."""
        return BAUD if self._serial is None else int(self._serial.baudrate)

    def set_baud(self, baud: int) -> None:
        """As `Rated.set_baud`; what was written leaves before."""
        if self._serial is None:
            raise self._lost("the port is closed")
        try:
            self._serial.flush()
            self._serial.baudrate = baud
        except (OSError, ValueError) as e:
            raise UsageProblem(f"{safe(self.name)} does not do {baud} baud ({safe(str(e), 100)}).") from e

    def lines(self) -> dict[str, bool]:
        """As `Port.lines`."""
        port = self._serial
        if port is None:
            return {}
        try:
            return {"cts": bool(port.cts), "dsr": bool(port.dsr), "ri": bool(port.ri), "cd": bool(port.cd)}
        except OSError:
            return {}

    def reset_board(self) -> None:
        """Restart the board by the adapter's lines. Raises DeviceLost, UsageProblem when it has none."""
        if self._serial is None:
            raise self._lost("the port is closed")
        try:
            lines.reset_board(cast("lines.LinePort", self._serial))
        except OSError as e:
            if e.errno in (errno.ENOTTY, errno.EINVAL):
                raise UsageProblem(f"{safe(self.name)} has no lines that could reset a board.") from e
            raise self._lost(_reason(e)) from e

    def close(self) -> None:
        """As `Port.close`. A port that has vanished cannot object."""
        port, self._serial = self._serial, None
        if port is not None:
            with contextlib.suppress(OSError):
                lines.close_port(cast("lines.LinePort", port))


def _reason(error: OSError) -> str:
    return safe(os.strerror(error.errno) if error.errno else str(error), 100)


def look(path: str) -> None:
    """See that there is a serial device at `path` which nobody else reads, without opening it."""
    try:
        status = os.stat(path)
    except FileNotFoundError as e:
        raise NoDevice(f"There is no port {safe(path)}; `podsteam devices` lists what there is.") from e
    except OSError as e:
        raise _failed(path, e.errno or 0, str(e)) from e
    if not stat.S_ISCHR(status.st_mode):
        raise UsageProblem(f"{safe(path)} is not a serial port.")
    # Two readers of one line each get a part of what arrives. A pseudo-terminal's server holds it open itself.
    if sys.platform == "linux" and not os.path.realpath(path).startswith("/dev/pts/"):
        from podsteam.transport.holder import holder_of

        if holder := holder_of(path):
            raise PortBusy(f"{safe(path)} is used by {holder}; end that first.")


def _open(path: str) -> "serial.Serial":
    import serial

    port = serial.Serial(
        baudrate=BAUD, timeout=_POLL_S, write_timeout=_SEND_S, exclusive=True if os.name == "posix" else None
    )
    port.port = path
    try:
        lines.open_port(cast("lines.LinePort", port))
    except OSError as e:
        raise _failed(path, e.errno or 0, str(e)) from e
    return port


def _failed(path: str, number: int, text: str) -> PodsteamError:
    """The reason why a port does not open, as the error that tells the user what to do."""
    shown = safe(path)
    if number in (errno.EBUSY, errno.EAGAIN) or "PermissionError" in text:
        from podsteam.transport.holder import holder_of

        return PortBusy(f"{shown} is used by {holder_of(path) or 'another process'}; end that first.")
    if number in (errno.EACCES, errno.EPERM):
        return PortForbidden(
            f"You may not open {shown}; run `sudo usermod -a -G {_group(path)} $USER` and log in again."
        )
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or "FileNotFoundError" in text:
        return NoDevice(f"There is no port {shown}; `podsteam devices` lists what there is.")
    return NoDevice(f"{shown} does not open ({safe(text, 200)}).")


def _group(path: str) -> str:
    """The group whose members may open the port."""
    try:
        import grp

        name = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (ImportError, KeyError, OSError):
        return "dialout"
    return "dialout" if name in ("root", "tty") else name
