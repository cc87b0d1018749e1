# SPDX-License-Identifier: Apache-2.0
"""The fixture `board`: a device on the line, hands at the hardware, and time that passes when the test says so.

The same verbs on a simulated board and on a real one. What the one at hand cannot do skips the test, with the reason.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, overload

import pytest

from podsteam.client import Device
from podsteam.errors import DeviceLost, Refused, UsageProblem
from podsteam.link import R, Unasked
from podsteam.testing import hands as acts
from podsteam.transport import find
from podsteam.transport.port import Port
from podsteam.wire import messages as m
from podsteam.wire.base import Message

QUIET_S = 3.0
"""A real board's start: 1.5 s for the REPL, then its imports."""
LOCKOUT_S = 2.1
_LOOK_S = 0.25


class Act(NamedTuple):
    """One thing that the firmware did to its hardware."""

    kind: str
    """burst, abort, heartbeat, valve, valve_abort, light, beep, nfc_write, nfc_reset, link, flash or restart."""
    t_us: int
    """Virtual time, us."""
    a: int
    b: int


class Board:
    """A device under test. `device` is the greeted `podsteam.client.Device`."""

    def __init__(
        self, target: str, port: Port, say: Callable[[str], None] | None = None, power_command: str = ""
    ) -> None:
        """Greet the device behind `port`. `say` shows a person at a real board what to do."""
        self.target = target
        self.telemetry: list[m.Tele] = []
        """What came of it, after `device.subscribe`."""
        self._port = port
        self._power_command = power_command
        self._events: list[m.Event] = []
        self._waited = 0
        self._cut_armed = False
        self._hands: acts.Hands = acts.hands_for(port, say, self.wait_for)
        self.device = Device(port)
        self.device.follow()
        self._crashes_before = self._erases_before = 0
        if isinstance(self._hands, acts.TwinHands):
            truth = self.state
            self._crashes_before, self._erases_before = len(truth["crashes"]), truth["hot_erases"]

    # What it is ---------------------------------------------------------------------------------------------
    @property
    def simulated(self) -> bool:
        """Whether everything about it is computed."""
        return self.device.simulated

    @property
    def capabilities(self) -> frozenset[str]:
        """What it has: names of the capability bits in lower case (nfc, valve, clock, load_sense, simulated); on
        the bench: `hands` where a test can act by itself, `power` where it can cut the power."""
        found = {bit.name.lower() for bit in m.CapBits(self.device.hello.caps) if bit.name}
        if isinstance(self._hands, acts.TwinHands):
            found |= {"hands", "power"}
        if self._power_command:
            found.add("power")
        return frozenset(found)

    @property
    def state(self) -> dict[str, Any]:
        """The truth of a simulated board, of which its firmware knows only what it measures."""
        return self._hands.control({"do": "state"})

    def trace(self) -> list[Act]:
        """The last things that the firmware of a simulated board did to its hardware, 2000 at least."""
        return [Act(*act) for act in self._hands.control({"do": "trace"})["acts"]]

    # The line -----------------------------------------------------------------------------------------------
    @overload
    def request(self, message: Message) -> Any: ...
    @overload
    def request(self, message: Message, expect: type[R]) -> R: ...
    def request(self, message: Message, expect: type[Any] | None = None) -> Any:
        """Send a request and return its typed reply. Raises Refused and its kin; see `link.Link.request`."""
        return self.device.request(message, expect or _reply_to(message))

    def status(self) -> m.StatusGetReply:
        """The state as the device tells it."""
        return self.device.status()

    @property
    def events(self) -> list[m.Event]:
        """Every event since the board was opened, in order; those of each start after a reset are among them."""
        self.device.link.receive(0.0)
        self._take(0.0)
        return self._events

    def saw(self, event: int, a: int | None = None) -> bool:
        """Whether such an event has come."""
        return any(_matches(e, event, a) for e in self.events)

    def wait_for(self, event: int, a: int | None = None, within_s: float = 60.0) -> m.Event:
        """Let time pass until such an event has come, and return it; each call goes on behind the one it found.

        Fails the test after `within_s` of device time.
        """
        clock = self._port.clock
        deadline = clock.now() + self.device.in_clock(within_s)
        while True:
            for i in range(self._waited, len(self._events)):
                if _matches(self._events[i], event, a):
                    self._waited = i + 1
                    return self._events[i]
            left_s = deadline - clock.now()
            if left_s <= 0:
                came = ", ".join(_shown(e) for e in self._events[self._waited :]) or "nothing"
                raise AssertionError(
                    f"no {m.EventValue(event).name} within {within_s:g} s of device time; came: {came}"
                )
            self._take(left_s)

    def _take(self, timeout_s: float) -> None:
        """What arrives within the time, or some of it. A restart by an armed power cut is taken part in."""
        arrived: list[Unasked] = []
        try:
            arrived = self.device.poll(min(timeout_s, _LOOK_S) if self._cut_armed else timeout_s)
        except DeviceLost:
            if not self._cut_armed:
                raise
        for message in arrived:
            if isinstance(message, m.Event):
                self._events.append(message)
            elif isinstance(message, m.Tele):
                self.telemetry.append(message)
        self._look_for_cut()

    def _look_for_cut(self) -> None:
        if self._cut_armed and not self.state["cut_armed"]:
            self._cut_armed = False
            self.greet()

    # Time ---------------------------------------------------------------------------------------------------
    def advance(self, seconds: float, hosted: bool = True) -> None:
        """Let so much device time pass: virtual on a board in lock-step, otherwise by waiting.

        The host keeps its lease and subscription meanwhile. Not `hosted`: it does nothing, as one that has died.
        """
        clock = self._port.clock
        span_s = self.device.in_clock(seconds)
        if not hosted:
            clock.sleep(span_s)
            self._look_for_cut()
            return
        deadline = clock.now() + span_s
        while (left_s := deadline - clock.now()) > 0:
            self._take(left_s)

    # Hands --------------------------------------------------------------------------------------------------
    def press(self, ms: int = 300) -> None:
        """Hold the button for `ms` and release it; returns when that is over."""
        self._hands.press(ms)
        self.advance(ms / 1000 + 0.2)

    def insert(self, podlet: str | bytes = "demo") -> None:
        """Put a podlet in: the name of a demo podlet, or a tag's memory. Gives it a second to be read."""
        self._hands.insert(podlet)
        self.advance(1.0)

    def remove(self) -> None:
        """Take the podlet out, and give the device a second to notice."""
        self._hands.remove()
        self.advance(1.0)

    def swap(self, podlet: str | bytes) -> None:
        """Take the podlet out and put another one in."""
        self.remove()
        self.insert(podlet)

    def break_(self, name: str) -> None:
        """Break a part, by the name of its fault (`podsteam sim list` has them all)."""
        self._hands.control({"do": "fault", "name": name, "on": True})

    def mend(self, name: str) -> None:
        """Mend it again."""
        self._hands.control({"do": "fault", "name": name, "on": False})

    def start(self, program: str = "") -> m.Event:
        """Start a session as a host does: arm a stored program (the default one), then press. Returns STARTED.

        Waits out the two seconds after another session's end.
        """
        try:
            self.device.arm(program)
        except Refused as e:
            if e.name != "LOCKOUT":
                raise
            self.advance(LOCKOUT_S)
            self.device.arm(program)
        self.press()
        return self.wait_for(m.EventValue.STARTED, within_s=5.0)

    # Resets -------------------------------------------------------------------------------------------------
    def reset(self, cause: str = "line") -> None:
        """Restart the device and greet it again. `cause`: power, line (the chip's reset pin), hard (its firmware asks
        for it), watchdog or soft; a real board knows the first two, by its power command and by its bridge's RTS."""
        if isinstance(self._hands, acts.TwinHands):
            self._hands.control({"do": "reset", "cause": cause})
        elif cause == "power":
            self._switch()
        elif cause == "line":
            self.pulse_reset()
        else:
            pytest.skip(f"only a simulated board can be restarted by '{cause}'")
        self.greet()

    def pulse_reset(self) -> None:
        """Restart a real board by its bridge's RTS line, and greet nobody: the port is the REPL's for 1.5 s then."""
        pulse: Callable[[], None] | None = getattr(self._port, "reset_board", None)
        if pulse is None:
            pytest.skip(f"{self.target} has no lines that could reset a board")
        try:
            pulse()
        except UsageProblem as e:
            pytest.skip(str(e))

    def cut_power(self, at: int | None = None, of: str = "flash", tear: str = "none") -> None:
        """Cut the power now, bring it back and greet the device again: RAM is lost, flash and tag stay.

        With `at` (simulated boards only) it fails later: at operation number `at`, from 0, that comes from now on, on
        `of`: "flash", "ring" (the ledger's partition) or "tag". `advance` and `wait_for` greet the device then. `tear`
        says how much of that operation is done: "none", "all" or "random".
        """
        if at is None:
            self.reset("power")
        else:
            self._hands.control({"do": "cut_power", "at": at, "of": of, "tear": tear})
            self._cut_armed = True

    def greet(self) -> None:
        """Greet the device again, after it has restarted by itself; its events since then are fetched."""
        if not isinstance(self._hands, acts.TwinHands):
            # Nothing may be sent while the port is the REPL's: a 3 among the bytes would end in it.
            self._port.clock.sleep(QUIET_S)
        self.device = Device(self._port)
        self.device.link.order.start(0)
        self.device.link.recover_events()

    def reopen(self) -> None:
        """Open a named port again that was closed, and greet the device, which has run on."""
        self._port = find.open_port(find.resolve(self.target))
        self.device = Device(self._port)
        self.device.follow()

    def _switch(self) -> None:
        if not self._power_command:
            pytest.skip("needs a switch for the power: give --podsteam-power-cmd")
        self._port.close()
        acts.switch_power(self._power_command)
        self._port = acts.come_back(self.target)

    # The end ------------------------------------------------------------------------------------------------
    def close(self) -> None:
        """Stop whatever runs and give the port back.

        Fails the test when a real or served board did not come to rest, and when a simulated one's firmware ended with
        an exception or erased flash while its relay was closed.
        """
        try:
            if not self._port.virtual:
                self.device.stop_and_prove()
            if isinstance(self._hands, acts.TwinHands):
                truth = self.state
                crashes = truth["crashes"][self._crashes_before :]
                assert not crashes, "the firmware ended with an exception:\n" + "\n".join(crashes)
                assert truth["hot_erases"] == self._erases_before, "flash was erased while the relay was closed"
        finally:
            self._port.close()


def _reply_to(request: Message) -> type[Message]:
    """The class of a request's reply."""
    return getattr(m, type(request).__name__.removesuffix("Request") + "Reply", m.ErrorReply)


def _matches(event: m.Event, kind: int, a: int | None) -> bool:
    return event.event == kind and (a is None or event.a == a)


def _shown(event: m.Event) -> str:
    known = event.event in m.EventValue.__members__.values()
    return f"{m.EventValue(event.event).name if known else event.event}({event.a}, {event.b})"
