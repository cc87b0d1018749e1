# SPDX-License-Identifier: Apache-2.0
"""A host-started session from ARM to the proof that heat is off, with its frames handed to a record.

Whatever goes wrong on this side after arming, the device is told to stop before the error goes on. When this process
dies instead, the device's lease ends the session by itself.
"""

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from podsteam.client import Device
from podsteam.errors import (
    ButtonNotPressed,
    DeviceLost,
    EndedEarly,
    Interrupted,
    PodsteamError,
    SafetyLatched,
)
from podsteam.refusals import sentence
from podsteam.wire import messages as m
from podsteam.words import STOP, word

TICK_S = 0.1
STATUS_EVERY_S = 1.0
"""Device time between two looks at the whole state: it also shows events that were lost on the way."""
_RESTING = (m.StateValue.IDLE, m.StateValue.COOLING, m.StateValue.FAULT)


Armed = m.ArmReply | m.TuneReply


class View(Protocol):
    """What a session is shown on."""

    def update(self, tele: m.Tele | None, status: m.StatusGetReply | None) -> None:
        """New measurements or a new state."""
        ...

    def event(self, event: m.Event) -> None:
        """Something happened."""
        ...


class Taker(Protocol):
    """What takes the frames of a record."""

    def frame(self, body: bytes) -> None:
        """One frame's body."""
        ...


@dataclass
class Outcome:
    """How a session ended."""

    session: int
    """Its number on the device."""
    stop_reason: int = 0
    """STOP value."""
    fault: int = 0
    """CODE value, 0: none."""
    started: bool = False
    """The button was pressed."""
    interrupted: bool = False
    """This side asked for the end."""
    heat_off_proved: bool = False
    """The device itself said that it rests with its relay open."""
    events_lost: int = 0
    """Events that could not be had, not even again."""

    def problem(self) -> PodsteamError | None:
        """What the end means for the caller, None: the program was carried out."""
        if self.interrupted:
            return Interrupted("Stopped; the device confirms that heat and dosing are off.")
        if self.fault:
            return SafetyLatched(f"The device stopped the session: {sentence(self.fault)}.", self.fault)
        if self.stop_reason == m.StopValue.DONE:
            return None
        if self.stop_reason == m.StopValue.NOT_STARTED:
            return ButtonNotPressed("The button on the device was not pressed in time, so nothing was started.")
        return EndedEarly(f"The session ended before its program did: {word(STOP, self.stop_reason)}.")


def telemetry_period_ms(device: Device) -> int:
    """Device time between measurements: 0.2 s, and more on a twin that is faster than the clock on the wall."""
    speed = 1 if device.port.virtual else max(1, device.hello.speed)
    return min(1000, max(200, 50 * speed))


class Session:
    """One run. `begin` is called when the device has started it and returns what takes the record's frames."""

    def __init__(
        self,
        device: Device,
        view: View,
        begin: Callable[[m.Event], Taker],
        stop_wanted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._device = device
        self._view = view
        self._begin = begin
        self._stop_wanted = stop_wanted
        self._taker: Taker | None = None
        self._before_start: list[bytes] = []
        self._outcome = Outcome(0)
        self._stopped = False
        self.tick_s = TICK_S
        """How long a step waits for what the device sends."""

    def run(self, program: str, armed: Callable[[Armed], None] = lambda _: None) -> Outcome:
        """Arm the program, wait for the button, see the session through. `armed` is called once it waits.

        Raises what `Device.arm` raises, and DeviceLost when the device goes away or does not prove that heat is off.
        """
        return self._run(lambda: self._device.arm(program), armed)

    def tune(self, armed: Callable[[Armed], None] = lambda _: None) -> Outcome:
        """The same for a session that identifies the boiler."""
        return self._run(self._device.tune, armed)

    def _run(self, arm: Callable[[], Armed], armed: Callable[[Armed], None]) -> Outcome:
        for _ in self.steps(arm, armed):
            pass
        return self._outcome

    def steps(self, arm: Callable[[], Armed], armed: Callable[[Armed], None]) -> Generator[Outcome]:
        """The run in steps of `tick_s`, for whoever has more than one to see through: each yields the outcome so far,
        which is whole when they end. Closed before that, the session is stopped. Raises as `run` does."""
        device = self._device
        device.follow()
        device.link.on_frame = self._frame
        try:
            device.subscribe(telemetry_period_ms(device))
            reply = arm()
            self._outcome.session = reply.session
            yield from self._guarded(reply, armed)
        finally:
            device.link.on_frame = None
        self._outcome.events_lost = device.link.order.lost

    def _guarded(self, reply: Armed, armed: Callable[[Armed], None]) -> Generator[Outcome]:
        try:
            armed(reply)
            yield from self._see_through()
        except DeviceLost:
            raise
        except BaseException:
            # The error that ended the run is the one to report.
            with contextlib.suppress(PodsteamError):
                self._device.stop_and_prove()
                self._outcome.heat_off_proved = True
                self._drain()
            raise

    def _see_through(self) -> Generator[Outcome]:
        device = self._device
        clock = device.port.clock
        status_due = clock.now()
        while not self._stopped:
            yield self._outcome
            if self._stop_wanted():
                self._outcome.interrupted = True
                break
            self._take(self.tick_s)
            if clock.now() >= status_due:
                status_due = clock.now() + device.in_clock(STATUS_EVERY_S)
                self._look()
        status = device.stop_and_prove() if self._outcome.interrupted else self._wait_for_rest()
        self._outcome.heat_off_proved = True
        self._drain()
        self._view.update(None, status)

    def _look(self) -> None:
        """Look at the whole state. An end whose event was lost for good shows here."""
        status = self._device.status()
        self._view.update(None, status)
        ours = status.session == self._outcome.session
        if status.stop_reason and ours and status.state in _RESTING and not self._device.link.order.gap:
            self._take(TICK_S)
            self._end(status.stop_reason, status.fault)

    def _wait_for_rest(self) -> m.StatusGetReply:
        """The session is over; see that the device rests. It does by itself, so STOP is only the second word."""
        status = self._device.status()
        if status.state in _RESTING and not status.flags & m.FlagBits.RELAY:
            return status
        return self._device.stop_and_prove()

    def _drain(self) -> None:
        """Take what is still on its way, so that the record has the end too."""
        next_event = self._device.status().next_event
        order = self._device.link.order
        for _ in range(10):
            if self._stopped and not order.gap and not order.behind(next_event):
                break
            self._take(TICK_S)

    def _take(self, timeout_s: float) -> None:
        for message in self._device.poll(timeout_s):
            if isinstance(message, m.Event):
                self._event(message)
            elif isinstance(message, m.Tele):
                self._view.update(message, None)

    def _event(self, event: m.Event) -> None:
        if event.event == m.EventValue.STARTED and not self._outcome.started:
            self._outcome.started = True
            self._taker = self._begin(event)
            for body in self._before_start:
                self._taker.frame(body)
            self._before_start.clear()
        self._view.event(event)
        if event.event == m.EventValue.STOPPED:
            self._end(event.a, event.b)

    def _end(self, reason: int, fault: int) -> None:
        if not self._stopped:
            self._stopped = True
            self._outcome.stop_reason = reason
            self._outcome.fault = fault

    def _frame(self, body: bytes) -> None:
        if self._taker is not None:
            self._taker.frame(body)
        else:
            self._before_start.append(body)


def record_head(
    device: Device, info: m.InfoGetReply, program: m.Program, started: m.Event, session: int
) -> tuple[m.RecordHead, datetime]:
    """The head of a live record, and the wall-clock time of its `started_ms`.

    `info` is from before the session: to answer it, a device collects its garbage, which takes its time.
    """
    podlet = device.podlet()
    now = datetime.now(UTC).astimezone()
    hello = device.hello
    head = m.RecordHead(
        format=1,
        schema_hash=hello.schema_hash,
        boot_id=device.link.boot_id,
        uid=hello.uid,
        session=session,
        started_ms=started.uptime_ms,
        started_unix=int(now.timestamp()),
        by_host=1,
        firmware_major=hello.firmware_major,
        firmware_minor=hello.firmware_minor,
        firmware_patch=hello.firmware_patch,
        firmware_hash=info.firmware_hash,
        podlet=podlet.state,
        podlet_uid=podlet.uid,
        caps=hello.caps,
        program=program.pack(),
    )
    return head, now
