# SPDX-License-Identifier: Apache-2.0
"""No open and no close of a port resets the board: line changes, replayed through the auto-reset circuit.

The changes that pyserial makes are recorded from pyserial itself, its POSIX and its Windows half. Those of
the system are added where they happen: at `os.open` and `os.close`, at `CreateFile`, `SetCommState` and
`CloseHandle`.
"""

import importlib
import itertools
import os
import sys
import types
from dataclasses import dataclass, field

import pytest

from podsteam.transport import lines

SKEW_US = 1
"""Between two lines that one request changes: a model. Both are bits of one register or one USB request."""
APART_US = 100
"""Between two requests, at the least: a model; a USB request takes 125 us or more."""
EN_BRIDGES_US = 10
"""EN falls from 3.3 V to the chip's 0.6 V in C dU / I = 0.1 uF x 2.7 V / 26 mA, where I is the transistor's
collector current: (3.3 V - 0.7 V) / 10 kOhm into its base, times a gain of 100. A model, with the smallest
capacitor that the makers' boards have; 1 uF gives 100 us."""


@dataclass
class Circuit:
    """The two-transistor circuit with an EN capacitor, fed with (DTR, RTS) as a program sees them."""

    dtr: bool = False
    rts: bool = False
    low_us: int = 0
    resets: int = 0
    loader_us: int = 0
    """Time spent with GPIO0 low: harmless while no reset falls into it."""

    def hold(self, duration_us: int) -> None:
        self.low_us = self.low_us + duration_us if self.rts and not self.dtr else 0
        if self.low_us >= EN_BRIDGES_US:
            self.resets += 1
            self.low_us = 0
        if self.dtr and not self.rts:
            self.loader_us += duration_us

    def set(self, **levels: bool) -> None:
        """One request. The lines change `SKEW_US` apart, in the order given."""
        changes = [(name, level) for name, level in levels.items() if getattr(self, name) != level]
        for name, level in changes:
            setattr(self, name, level)
            self.hold(SKEW_US)
        self.hold(APART_US)


TRUTH = {
    (False, False): ("high", "high"),
    (True, True): ("high", "high"),
    (False, True): ("low", "high"),
    (True, False): ("high", "low"),
}


@pytest.mark.parametrize(("dtr", "rts"), TRUTH)
def test_truth_table(dtr: bool, rts: bool) -> None:
    circuit = Circuit(dtr, rts)
    circuit.hold(1000)
    assert TRUTH[dtr, rts] == (
        "low" if circuit.resets else "high",
        "low" if circuit.loader_us else "high",
    )


# What the systems do of their own accord
# ------------------------------------------------------------------------


@dataclass
class Kernel:
    """A POSIX kernel: both lines up at open and, with HUPCL, both down at the last close; in either order."""

    circuit: Circuit
    order: tuple[str, str] = ("dtr", "rts")
    hupcl: bool = True

    def opened(self) -> None:
        self.circuit.set(**dict.fromkeys(self.order, True))

    def closed(self) -> None:
        if self.hupcl:
            self.circuit.set(**dict.fromkeys(self.order, False))


@dataclass
class Windows:
    """A Windows driver. `one_request`: SetCommState changes both lines at once, not one after the other."""

    circuit: Circuit
    order: tuple[str, str] = ("rts", "dtr")
    one_request: bool = False
    close_order: tuple[str, ...] = ("dtr", "rts")
    needs_dtr: bool = False
    """As `usbser.sys`: the lines are sent when DTR is written, not when RTS is."""
    wanted: dict[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = {"dtr": self.circuit.dtr, "rts": self.circuit.rts}

    def configure(self, dtr: bool, rts: bool) -> None:
        self.wanted = {"dtr": dtr, "rts": rts}
        if self.one_request or self.needs_dtr:
            self.circuit.set(**{name: self.wanted[name] for name in self.order})
        else:
            for name in self.order:
                self.circuit.set(**{name: self.wanted[name]})

    def escape(self, name: str, level: bool) -> None:
        self.wanted[name] = level
        if not self.needs_dtr:
            self.circuit.set(**{name: level})
        elif name == "dtr":
            self.circuit.set(**self.wanted)

    def closed(self) -> None:
        for name in self.close_order:
            self.circuit.set(**{name: False})


# pyserial, on either system
# -------------------------------------------------------------------------------------


class Passing(types.SimpleNamespace):
    """A module with some of its functions replaced."""

    def __init__(self, module: types.ModuleType, **replaced: object) -> None:
        super().__init__(**replaced)
        self._module = module

    def __getattr__(self, name: str) -> object:
        return getattr(self._module, name)


@pytest.fixture
def posix_serial(monkeypatch: pytest.MonkeyPatch):
    """Make a pyserial port on a pseudo-terminal whose line changes go to a circuit, under a kernel."""
    if os.name != "posix":
        pytest.skip("pyserial's POSIX half needs POSIX")
    import fcntl
    import pty
    import struct
    import termios

    import serial
    from serial import serialposix

    master, slave = pty.openpty()
    name = os.ttyname(slave)
    bits = {termios.TIOCM_DTR: "dtr", termios.TIOCM_RTS: "rts"}

    def make(kernel: Kernel) -> serial.Serial:
        opened: set[int] = set()

        def open_(path: str, flags: int) -> int:
            fd = os.open(path, flags)
            opened.add(fd)
            kernel.opened()
            return fd

        def close(fd: int) -> None:
            if fd in opened:
                opened.remove(fd)
                kernel.closed()
            os.close(fd)

        def ioctl(fd: int, request: int, *arg: bytes) -> object:
            if request not in (termios.TIOCMBIS, termios.TIOCMBIC):
                return fcntl.ioctl(fd, request, *arg)
            bit = bits[struct.unpack("I", arg[0])[0]]
            kernel.circuit.set(**{bit: request == termios.TIOCMBIS})
            return 0

        monkeypatch.setattr(serialposix, "os", Passing(os, open=open_, close=close))
        monkeypatch.setattr(serialposix, "fcntl", Passing(fcntl, ioctl=ioctl))
        port = serial.Serial(baudrate=115200, exclusive=True)
        port.port = name
        return port

    yield make
    os.close(master)
    os.close(slave)


class FakeWin32(types.ModuleType):
    """The calls into Windows that pyserial makes, answered by a driver model."""

    GENERIC_READ = GENERIC_WRITE = OPEN_EXISTING = FILE_ATTRIBUTE_NORMAL = FILE_FLAG_OVERLAPPED = 0
    INVALID_HANDLE_VALUE = -1
    MAXDWORD = EV_ERR = PURGE_TXCLEAR = PURGE_TXABORT = PURGE_RXCLEAR = PURGE_RXABORT = 0
    NOPARITY = ONESTOPBIT = 0
    RTS_CONTROL_DISABLE = DTR_CONTROL_DISABLE = 0
    RTS_CONTROL_ENABLE = DTR_CONTROL_ENABLE = 1
    SETRTS, CLRRTS, SETDTR, CLRDTR = 3, 4, 5, 6
    PORT = 77

    class DCB(types.SimpleNamespace):
        pass

    COMMTIMEOUTS = OVERLAPPED = DWORD = DCB
    ERROR_IO_PENDING = ERROR_IO_INCOMPLETE = 1

    def __init__(self, driver: Windows) -> None:
        super().__init__("serial.win32")
        self.driver = driver

    def CreateFile(self, *_: object) -> int:  # noqa: N802
        return self.PORT

    def CreateEvent(self, *_: object) -> int:  # noqa: N802
        return 1

    def __getattr__(self, name: str) -> object:
        if name in ("SetupComm", "GetCommTimeouts", "SetCommTimeouts", "SetCommMask", "GetCommState", "PurgeComm"):
            return lambda *_: 1
        if name in ("GetOverlappedResult", "GetLastError"):
            return lambda *_: 0
        raise AttributeError(name)

    def SetCommState(self, _: int, dcb: DCB) -> int:  # noqa: N802
        self.driver.configure(bool(dcb.fDtrControl), bool(dcb.fRtsControl))
        return 1

    def EscapeCommFunction(self, _: int, what: int) -> int:  # noqa: N802
        self.driver.escape("rts" if what in (self.SETRTS, self.CLRRTS) else "dtr", what in (self.SETRTS, self.SETDTR))
        return 1

    def CloseHandle(self, handle: int) -> int:  # noqa: N802
        if handle == self.PORT:
            self.driver.closed()
        return 1


@pytest.fixture
def windows_serial(monkeypatch: pytest.MonkeyPatch):
    """Make a port of pyserial's Windows half, whose calls go to a driver model."""
    import ctypes

    import serial

    def make(driver: Windows):
        fake = FakeWin32(driver)
        monkeypatch.setitem(sys.modules, "serial.win32", fake)
        monkeypatch.setattr(serial, "win32", fake, raising=False)
        monkeypatch.delitem(sys.modules, "serial.serialwin32", raising=False)
        module = importlib.import_module("serial.serialwin32")
        monkeypatch.setattr(module, "ctypes", Passing(ctypes, byref=lambda x: x))
        port = module.Serial(baudrate=115200, timeout=0.01)
        port.port = "COM3"
        return port

    yield make
    sys.modules.pop("serial.serialwin32", None)


ORDERS = (("dtr", "rts"), ("rts", "dtr"))


@pytest.mark.parametrize(("order", "hupcl", "before"), [*itertools.product(ORDERS, (True, False), (True, False))])
def test_posix_never_resets(posix_serial, order: tuple[str, str], hupcl: bool, before: bool) -> None:
    # `before`: the lines were left asserted by a program that cleared HUPCL.
    circuit = Circuit(before, before)
    port = posix_serial(Kernel(circuit, order, hupcl))
    for _ in range(2):
        lines.open_port(port, windows=False)
        assert (circuit.dtr, circuit.rts) == (True, True)
        lines.close_port(port)
        assert not port.is_open
        assert (circuit.dtr, circuit.rts) == (False, False)
    assert circuit.resets == 0


WINDOWS = [
    {"order": order, "one_request": one, "close_order": close, "needs_dtr": needs}
    for order, one, close, needs in itertools.product(ORDERS, (False, True), (*ORDERS, ()), (False, True))
]


@pytest.mark.parametrize("driver", WINDOWS)
@pytest.mark.parametrize("before", [False, True])
def test_windows_never_resets(windows_serial, driver: dict[str, object], before: bool) -> None:
    circuit = Circuit(before, before)
    port = windows_serial(Windows(circuit, **driver))
    for _ in range(2):
        lines.open_port(port, windows=True)
        assert (circuit.dtr, circuit.rts) == (True, True)
        lines.close_port(port)
        assert not port.is_open
        assert (circuit.dtr, circuit.rts) == (False, False)
    assert circuit.resets == 0


# The model can tell: these are the ways that do reset
# ------------------------------------------------------------


def test_lines_set_false_before_open_reset_on_posix(posix_serial) -> None:
    circuit = Circuit()
    port = posix_serial(Kernel(circuit))
    port.dtr = port.rts = False
    port.open()
    port.close()
    assert circuit.resets == 1


def test_releasing_dtr_first_resets(posix_serial) -> None:
    circuit = Circuit()
    port = posix_serial(Kernel(circuit))
    lines.open_port(port, windows=False)
    port.dtr = False
    port.rts = False
    port.close()
    assert circuit.resets == 1


def test_windows_resets_when_both_are_in_the_configuration(windows_serial) -> None:
    circuit = Circuit()
    port = windows_serial(Windows(circuit))
    lines.open_port(port, windows=False)
    assert circuit.resets == 1


def test_windows_resets_at_a_bare_close(windows_serial) -> None:
    circuit = Circuit()
    port = windows_serial(Windows(circuit))
    lines.open_port(port, windows=True)
    assert circuit.resets == 0
    port.close()
    assert circuit.resets == 1


def test_a_killed_process_does_not_reset_on_posix(posix_serial) -> None:
    for order in ORDERS:
        circuit = Circuit()
        port = posix_serial(Kernel(circuit, order))
        lines.open_port(port, windows=False)
        port.close()  # what the kernel does for a process that died: no release before
        assert circuit.resets == 0


# Ports without lines, and ports that vanish
# ----------------------------------------------------------------------


class Vanishing:
    """A port that raises on the n-th change of a line."""

    def __init__(self, good: int) -> None:
        object.__setattr__(self, "changes", [])
        object.__setattr__(self, "good", good)
        object.__setattr__(self, "closed", 0)

    def __setattr__(self, name: str, level: object) -> None:
        if len(self.changes) >= self.good:
            raise OSError(5, "Input/output error")
        self.changes.append((name, level))

    def open(self) -> None:
        self.changes.append(("open", True))

    def close(self) -> None:
        object.__setattr__(self, "closed", self.closed + 1)


@pytest.mark.parametrize(("good", "left"), [(0, []), (1, [("rts", False)]), (9, [("rts", False), ("dtr", False)])])
def test_close_goes_on_without_lines_but_never_drops_dtr_alone(good: int, left: list[object]) -> None:
    port = Vanishing(good)
    lines.close_port(port)
    assert port.changes == left
    assert port.closed == 1


def test_close_of_a_pseudo_terminal(tmp_path) -> None:
    if os.name != "posix":
        pytest.skip("pseudo-terminals are POSIX")
    import pty

    import serial

    master, slave = pty.openpty()
    port = serial.Serial(exclusive=True)
    port.port = os.ttyname(slave)
    lines.open_port(port, windows=False)
    lines.close_port(port)
    assert not port.is_open
    os.close(master)
    os.close(slave)
