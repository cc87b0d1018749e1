# SPDX-License-Identifier: Apache-2.0
"""One device's thread: polls it, does what the person asks, reconnects, and hands everything over in order.

The device is touched by this thread alone. What it hands over waits in `items` until the view takes it.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable

from podsteam import programs
from podsteam.beforehand import consent_wanted, prepare
from podsteam.client import Device
from podsteam.errors import DeviceLost, PodsteamError, Refused
from podsteam.session import STATUS_EVERY_S, telemetry_period_ms
from podsteam.text import name_of
from podsteam.transport import sim
from podsteam.watching.model import Back, Begin, Holds, Item, Lost, Missed, Programs, Said
from podsteam.wire import messages as m

_TURN_S = 0.1
_TRY_S = 1.0
_PART_S = 10.0
_RESTING = (m.StateValue.IDLE, m.StateValue.FAULT)


class Feed:
    """Runs a device that is open already; it is closed at the end."""

    def __init__(self, device: Device, period_ms: int, press: bool = False) -> None:
        """`period_ms` is the device time between measurements; a quick simulated board gives fewer. `press` presses
        the button of a simulated board where it is the person's turn."""
        self.device = device
        self._press = press
        self.items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._period_ms = max(period_ms, telemetry_period_ms(device) if device.hello.speed > 1 else 50)
        self._wishes: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._leave = threading.Event()
        self.parting = ""
        """After `close`: what became of the session that the view kept alive; empty: there was none."""
        self._holds = 0
        self._missed = 0
        self._status_due = 0.0
        self._thread = threading.Thread(target=self._run, name=f"watch {device.port.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and close the device. A session that this view keeps alive is stopped, heat off proved."""
        self._leave.set()
        if self._thread.is_alive():
            self._thread.join(_PART_S)
        if self._holds and not self.parting:
            self.parting = f"{self.device.port.name} has not confirmed that heat is off; it stops by itself within 2 s."

    # What the person asks ------------------------------------------------------------------------------------
    def arm(self, name: str) -> None:
        """Arm a program; an example that the device lacks is sent there first."""
        self._wishes.put(lambda: self._arm(name))

    def pause(self) -> None:
        """Heater and dosing off, session kept."""
        self._wishes.put(lambda: self._do(self.device.pause, "Paused; r goes on with the session."))

    def resume(self) -> None:
        """Ask to go on; the button confirms."""
        self._wishes.put(self._resume)

    def stop(self) -> None:
        """End whatever runs, and see that heat is off."""
        said = "Stopped; the device confirms that heat is off."
        self._wishes.put(lambda: self._do(self.device.stop_and_prove, said))

    # The thread ----------------------------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            self._guarded(self._open)
            while not self._leave.is_set():
                self._guarded(self._turn)
            if self._holds:
                with contextlib.suppress(PodsteamError):
                    self.device.stop_and_prove()
                    self.parting = f"Session {self._holds} stopped; the device confirms that heat is off."
        except Exception as e:
            self.items.put(Lost(f"{type(e).__name__}: {e}"))
        finally:
            self.device.close()

    def _guarded(self, do: Callable[[], None]) -> None:
        try:
            do()
        except DeviceLost as e:
            self.items.put(Lost(str(e)))
            self._reconnect()
        except PodsteamError as e:
            self.items.put(Said(str(e)))

    def _open(self) -> None:
        status = self.device.follow()
        self._look(status)
        if status.state not in _RESTING:
            self.items.put(Begin(self._program(status)))
            self.items.put(status)
        stored = sorted(self.device.programs(), key=lambda entry: not entry.is_default)
        names = [name_of(entry.name) for entry in stored]
        self.items.put(Programs((*names, *(each for each in programs.names() if each not in names))))
        self.device.subscribe(self._period_ms)

    def _turn(self) -> None:
        while not self._wishes.empty():
            self._wishes.get()()
        device = self.device
        clock = device.port.clock
        self._take(_TURN_S)
        if clock.now() >= self._status_due:
            self._status_due = clock.now() + max(device.in_clock(STATUS_EVERY_S), 0.2)
            self._look(device.status())
        if device.link.order.lost != self._missed:
            self._missed = device.link.order.lost
            self.items.put(Missed(self._missed))
        if device.port.virtual:
            # Its time passes as fast as it is asked; a person wants to see it pass.
            time.sleep(_TURN_S)

    def _take(self, timeout_s: float) -> None:
        for message in self.device.poll(timeout_s):
            if isinstance(message, m.Event):
                self._event(message)
            else:
                self.items.put(message)

    def _event(self, event: m.Event) -> None:
        if event.event == m.EventValue.ARMED:
            self.items.put(Begin(self._program(self.device.status())))
        self.items.put(event)
        if event.event == m.EventValue.STOPPED and self._holds:
            self._hold(0)

    def _look(self, status: m.StatusGetReply) -> None:
        self.items.put(status)

    def _program(self, status: m.StatusGetReply) -> m.Program | None:
        if not status.program.strip(b"\0"):
            return None
        try:
            return self.device.program(name_of(status.program))
        except Refused:
            return None

    def _reconnect(self) -> None:
        while not self._leave.is_set():
            try:
                same = self.device.reconnect(_TRY_S)
                status = self.device.status()
                if not same:
                    self._holds = 0
                self.items.put(Back(same))
                self._look(status)
                return
            except PodsteamError:
                self._leave.wait(0.3)

    def _hold(self, session: int) -> None:
        self._holds = session
        self.items.put(Holds(session))

    def _do(self, what: Callable[[], object], said: str) -> None:
        what()
        # A changed state puts an end to what was said before it.
        self._look(self.device.status())
        self._take(0.0)
        self._take(_TURN_S)
        self.items.put(Said(said))

    def _arm(self, name: str) -> None:
        sim.need_a_hand(self.device.port, self._press)
        stored = {name_of(entry.name) for entry in self.device.programs()}
        if name not in stored and name in programs.names():
            self.device.put_program(programs.get(name))
        notes = prepare(self.device)
        if wanted := consent_wanted(self.device):
            notes.append(wanted)
        reply = self.device.arm(name)
        self._hold(reply.session)
        self._button(reply.armed_s, "to start", notes)

    def _resume(self) -> None:
        sim.need_a_hand(self.device.port, self._press)
        self._button(self.device.resume().armed_s, "to go on")

    def _button(self, within_s: int, what: str, notes: Iterable[str] = ()) -> None:
        if self._press:
            sim.press(self.device.port)
            said = f"The button of this simulated board was pressed {what}."
        else:
            said = sim.how_to_press(self.device.port, within_s, what)
        self.items.put(Said(" ".join((*notes, said))))
