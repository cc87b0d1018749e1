# SPDX-License-Identifier: Apache-2.0
"""The simulated board as a port, in lock-step: its virtual time runs while the host waits, and only then.

The one place of the library that knows the simulated board, which it imports when it is asked for.
"""

import contextlib
import math
import re
import signal
from collections.abc import Generator
from typing import Any

from podsteam.errors import ButtonNotPressed, DeviceLost, NoDevice, NotPodsteam, PortBusy, UsageProblem
from podsteam.text import safe
from podsteam.transport.port import Port

_NAME = re.compile(r"[a-z0-9_-]{1,32}")
_SLICE_US = 1_000_000
_SETTLE_S = 3.0
"""Virtual time after the start: mains measured, podlet read, as on a device that somebody has plugged in."""


@contextlib.contextmanager
def _in_one_piece() -> Generator[None]:
    """Inside, Ctrl-C waits: half a message to the board's process would be the end of the conversation with it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class SimClock:
    """Virtual time of the board."""

    def __init__(self, port: "SimPort") -> None:
        self._port = port

    def now(self) -> float:
        """Seconds of virtual time since the board's start."""
        return self._port.now_us() / 1e6

    def sleep(self, seconds: float) -> None:
        """Run the board for that long; what it sends meanwhile is kept for `read`."""
        self._port.run(seconds)


class SimPort:
    """A board that lives as long as the port is open; `sim:NAME` keeps its flash and tag between ports."""

    virtual = True

    def __init__(self, name: str, **options: Any) -> None:
        """Start the board. `options` go to the board (seed, interpreter, ...). Raises PodsteamError."""
        self.name = name
        self.baud = int(options.get("baud", 115200))
        """Of the line, which is paced by it."""
        self._first_baud = self.baud
        self.clock = SimClock(self)
        self._received = bytearray()
        self._unsent = bytearray()
        self._twin: Any = start(name.partition(":")[2] or None, **options)
        self._ended = ended()
        self._out = False
        self.run(_SETTLE_S)

    def now_us(self) -> int:
        """Virtual time in us."""
        return int(self._twin.now_us) if self._twin is not None else 0

    def _exchange(self, until_us: int) -> bytes:
        if self._twin is None:
            raise DeviceLost("The simulated board is closed.")
        out, self._unsent = bytes(self._unsent), bytearray()
        try:
            with _in_one_piece():
                return bytes(self._twin.exchange(out, until_us))
        except (OSError, self._ended) as e:
            raise DeviceLost(f"The simulated board ended ({safe(str(e), 200)}).") from e

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        until_us = self.now_us() + math.ceil(seconds * 1e6)
        while self.now_us() < until_us:
            self._received += self._exchange(until_us)

    def unplug(self) -> None:
        """Pull the cable out: what is on its way is lost, and the port is dead until `reopen`. The board runs on."""
        self._out = True
        self._received.clear()
        self._unsent.clear()
        self.control({"do": "fault", "name": "link_gone"})

    def reopen(self) -> "SimPort":
        """As `Replugged.reopen`."""
        self.control({"do": "fault", "name": "link_gone", "on": False})
        self._out = False
        self.set_baud(self._first_baud)
        return self

    def set_baud(self, baud: int) -> None:
        """As `Rated.set_baud`."""
        if self._unsent:
            self._received += self._exchange(self.now_us())
        self.control({"do": "rate", "baud": baud})
        self.baud = baud

    def _look(self) -> None:
        if self._out:
            raise DeviceLost("The simulated board's cable is out.")

    def read(self, timeout_s: float) -> bytes:
        """As `Port.read`. The wait is virtual."""
        self._look()
        # Rounded up: a wait that is shorter than a microsecond must not stand still.
        until_us = self.now_us() + math.ceil(max(0.0, timeout_s) * 1e6)
        while not self._received:
            self._received += self._exchange(min(until_us, self.now_us() + _SLICE_US))
            if self.now_us() >= until_us:
                break
        data, self._received = bytes(self._received), bytearray()
        return data

    def write(self, data: bytes) -> None:
        """As `Port.write`. The bytes leave when time next runs, which is when the board can see them."""
        self._look()
        self._unsent += data

    def lines(self) -> dict[str, bool]:
        """The simulated link has none."""
        return {}

    def control(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do something to the board by hand: `{"do": "press"}` and the like."""
        if self._twin is None:
            raise DeviceLost("The simulated board is closed.")
        with _in_one_piece():
            return checked(self._twin.control(command))

    def close(self) -> None:
        """As `Port.close`."""
        twin = self._twin
        if twin is None:
            return
        try:
            if self._unsent:
                self._exchange(self.now_us())
        except DeviceLost:
            pass  # It is closed either way.
        finally:
            self._twin = None
            with _in_one_piece():
                twin.close()


def start(board: str | None, **options: Any) -> Any:
    """Start a board: a `podsteam_twin.launch.Twin`. Raises PodsteamError."""
    try:
        from podsteam_twin import launch
    except ImportError as e:
        raise UsageProblem("The simulated board is not installed; run `pip install podsteam`.") from e
    if board is not None and not _NAME.fullmatch(board):
        raise UsageProblem(f"'{safe(board)}' is no name for a simulated board; use 1 to 32 of a-z, 0-9, - and _.")
    try:
        return launch.start(name=board, **options)
    except BlockingIOError as e:
        raise PortBusy(f"The simulated board '{board}' is used by another process; end that first.") from e
    except (OSError, ValueError, launch.TwinError) as e:
        raise NotPodsteam(f"The simulated board does not start ({safe(str(e), 200)}).") from e


def ended() -> type[Exception]:
    """The exception that tells that a board has ended by itself."""
    from podsteam_twin import launch

    return launch.TwinError


def end_spares() -> None:
    """End the processes that boards started with `spare` have left."""
    from podsteam_twin import launch

    launch.end_spares()


def running() -> list[dict[str, Any]]:
    """Boards that are served on this computer: name, link, control, pid, speed of each."""
    try:
        from podsteam_twin import control
    except ImportError:
        return []
    return control.running()


def command(address: str, what: dict[str, Any]) -> dict[str, Any]:
    """Send a command to a served board's control port. Raises NoDevice, UsageProblem when it is refused."""
    from podsteam_twin import control

    try:
        answer = control.call(address, what)
    except OSError as e:
        raise NoDevice(f"No simulated board answers at {safe(address)} ({e.strerror or e}).") from e
    except ValueError as e:
        raise UsageProblem(f"{safe(str(e), 200)}.") from e
    return checked(answer)


def checked(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer of a control command, unless it says that it was refused."""
    if "error" in answer:
        raise UsageProblem(f"The simulated board refused: {safe(str(answer['error']), 300)}.")
    return answer


def need_a_hand(port: Port, press: bool) -> None:
    """Before arming: raises ButtonNotPressed where nobody can press the button and `press` does not either."""
    if isinstance(port, SimPort) and not press:
        raise ButtonNotPressed(
            f"Nobody can press the button of the simulated board {port.name}: "
            "add --press, which presses it. Nothing was started."
        )


def how_to_press(port: Port, within_s: int, what: str = "to start") -> str:
    """The sentence for the person whose turn it is."""
    if (served := served_at(port.name)) is not None:
        which = f" --name {safe(str(served['name']), 40)}" if served.get("name") else ""
        return f"Press the button within {within_s} s: podsteam sim press{which}"
    return f"Press and release the button on the device within {within_s} s {what}."


def press(port: Port) -> None:
    """Press and release the button of the simulated board behind an open port. Raises UsageProblem."""
    if isinstance(port, SimPort):
        port.control({"do": "press"})
        return
    command(_served(port)["control"], {"do": "press"})


def can_press(port: Port) -> None:
    """Raises UsageProblem where `press` cannot work."""
    if not isinstance(port, SimPort):
        _served(port)


def _served(port: Port) -> dict[str, Any]:
    served = served_at(port.name)
    if served is None:
        raise UsageProblem("--press works with simulated boards of this computer only.")
    return served


def hold(port: SimPort) -> None:
    """Hold the button for as long as agreeing to a podlet takes, and release it."""
    port.control({"do": "press", "ms": 3300})
    port.run(4.0)


def served_at(link: str) -> dict[str, Any] | None:
    """The entry of `running` for a port, None when no served board of this computer is behind it."""
    return next((twin for twin in running() if twin.get("link") == link), None)
