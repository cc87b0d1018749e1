# SPDX-License-Identifier: Apache-2.0
"""Sessions for scripts: `run = device.session.run("gentle")`, then `record = run.wait()`.

    for tele in device.session.run("gentle"):       # or as it goes
        print(tele.wall_cdeg / 100)

A run keeps its session alive only while it is waited for or iterated over: a script that does something else for more
than 1.5 s loses its session, as the device sees it. `wait_all` sees several devices through at once.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from podsteam import program as program_file
from podsteam import programs
from podsteam.beforehand import consent_wanted, prepare
from podsteam.client import Device
from podsteam.errors import UsageProblem
from podsteam.record import Record, decode
from podsteam.session import TICK_S, Armed, Outcome, Session, record_head
from podsteam.text import name_of, safe
from podsteam.wire import messages as m
from podsteam_protocol.frame import encode

if TYPE_CHECKING:
    from podsteam.store.database import Store
    from podsteam.store.writer import SessionWriter

_TURN_S = 0.5
"""All devices of `wait_all` are looked at within so much: a lease lapses after 1.5 s."""


class Sessions:
    """What a device can do with sessions; it is `Device.session`."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def run(
        self,
        program: str | Path | m.Program = "",
        *,
        press: bool | None = None,
        store: "Store | None" = None,
        tags: dict[str, str] | None = None,
    ) -> "Run":
        """Arm a program and return its run, which waits for the button on the device.

        `program` is the name of a stored one or of an example, "" for the device's default, the path of a TOML file,
        or a Program; what the device lacks is stored there first. `press` presses the button of a simulated board; by
        default that of `sim`, which nobody else could press. `store` keeps the record, with `tags`, as `podsteam
        session run` does. As there the device is told the time first, and no session begins with a recalled podlet.
        Raises UsageProblem for a program that there is not, PodletRecalled, Refused when the device says no.
        """
        chosen = self._program(program)
        return Run(self._device, chosen, press, store, tags or {})

    def stop(self) -> m.StatusGetReply:
        """End whatever runs, and wait for the device to prove that heat is off. Raises DeviceLost."""
        return self._device.stop_and_prove()

    def pause(self) -> None:
        """Heater and dosing off, session kept for 10 minutes. Raises Refused."""
        self._device.pause()

    def resume(self) -> None:
        """Ask to go on with a paused session; the button on the device confirms. Raises Refused."""
        self._device.resume()

    def _program(self, what: str | Path | m.Program) -> m.Program:
        device = self._device
        if isinstance(what, Path):
            what = program_file.load(what)
        if isinstance(what, m.Program):
            device.put_program(what)
            return what
        stored = {name_of(entry.name): bool(entry.is_default) for entry in device.programs()}
        name = what or next((each for each, is_default in stored.items() if is_default), "")
        if name in stored:
            return device.program(name)
        if name not in programs.names():
            known = ", ".join(sorted({*stored, *programs.names()}))
            raise UsageProblem(f"There is no program '{safe(name, 40)}'; there are {known}.")
        example = programs.get(name)
        device.put_program(example)
        return example


class Run:
    """One session, from its arming on. Iterating over it gives each measurement as it comes, until the end."""

    def __init__(
        self, device: Device, program: m.Program, press: bool | None, store: "Store | None", tags: dict[str, str]
    ) -> None:
        """Arms; see `Sessions.run`."""
        self.program = program
        """What runs."""
        self.session = 0
        """Number of the session on the device."""
        self.armed_s = 0
        """Time that the button may be pressed in, s."""
        self.tele: m.Tele | None = None
        """The newest measurements."""
        self.status: m.StatusGetReply | None = None
        """The state as last asked for, once a second."""
        self.events: list[m.Event] = []
        """What has happened so far."""
        self.record_id: str | None = None
        """The record's id in the store that was given."""
        self.notes = prepare(device)
        """Sentences that a person should know before it starts: a clock that is wrong, an allergen to agree to."""
        if wanted := consent_wanted(device):
            self.notes.append(wanted)
        self._device = device
        self._press = press
        self._store = store
        self._tags = tags
        self._info = device.info()
        self._raw = bytearray()
        self._writer: SessionWriter | None = None
        self._measured = False
        self._stop = False
        self._outcome: Outcome | None = None
        self._last = Outcome(0)
        self._session = Session(device, self, self._begin, lambda: self._stop)
        name = name_of(program.name)
        self._steps: Generator[Outcome] = self._session.steps(lambda: device.arm(name), self._armed)
        self.step()

    # For the session: a view and a taker --------------------------------------------------------------------
    def update(self, tele: m.Tele | None, status: m.StatusGetReply | None) -> None:
        """As `session.View` has it."""
        if tele is not None:
            self.tele = tele
            self._measured = True
        if status is not None:
            self.status = status

    def event(self, event: m.Event) -> None:
        """As `session.View` has it."""
        self.events.append(event)

    def frame(self, body: bytes) -> None:
        """As `session.Taker` has it."""
        self._raw += encode(body[0], body[1], body[2:])
        if self._writer is not None:
            self._writer.frame(body)

    def _armed(self, reply: Armed) -> None:
        from podsteam.transport import sim

        self.session = reply.session
        self.armed_s = reply.armed_s
        lockstep = isinstance(self._device.port, sim.SimPort)
        if self._press if self._press is not None else lockstep:
            sim.press(self._device.port)

    def _begin(self, started: m.Event) -> "Run":
        head, at = record_head(self._device, self._info, self.program, started, self.session)
        self._raw += encode(m.RecordHead.ID, 0, head.pack())
        if self._store is not None:
            from podsteam.store import SessionMeta

            self._writer = self._store.begin(SessionMeta(head, at, self._device.port.name, self._tags))
            self.record_id = self._writer.record
        return self

    # For the script -----------------------------------------------------------------------------------------
    @property
    def done(self) -> bool:
        """Whether the session is over."""
        return self._outcome is not None

    @property
    def outcome(self) -> Outcome:
        """How the session ended. Raises UsageProblem while it still runs."""
        if self._outcome is None:
            raise UsageProblem("The session still runs; wait for it first.")
        return self._outcome

    @property
    def raw(self) -> bytes:
        """The record's frames so far, as a file of records has them."""
        return bytes(self._raw)

    @property
    def record(self) -> Record:
        """The record so far: measurements, events, doses, summary."""
        return decode(self.raw)

    def step(self, tick_s: float = TICK_S) -> bool:
        """See the session on for up to `tick_s` of the port's time. Whether it is over. Raises DeviceLost and its
        kin; the session is stopped then, and what was recorded is kept."""
        if self._outcome is not None:
            return True
        self._session.tick_s = tick_s
        try:
            self._last = next(self._steps)
        except StopIteration:
            self._outcome = self._last
            self._finish("")
        except BaseException as e:
            self._outcome = self._last
            self._finish(str(e) or type(e).__name__)
            raise
        return self._outcome is not None

    def __iter__(self) -> Iterator[m.Tele]:
        while not self.step():
            if self._measured and self.tele is not None:
                self._measured = False
                yield self.tele

    def wait(self, check: bool = True) -> Record:
        """See the session through and return its record.

        With `check`, an end before the program's is raised: SafetyLatched, ButtonNotPressed, EndedEarly, Interrupted;
        the record is in `record` all the same. Raises DeviceLost when the device goes away.
        """
        while not self.step():
            pass
        problem = self.outcome.problem() if check else None
        if problem is not None:
            raise problem
        return self.record

    def stop(self) -> Record:
        """Stop the session, see that heat is off, and return the record."""
        self._stop = True
        return self.wait(check=False)

    def _finish(self, ending: str) -> None:
        if self._writer is not None:
            self._writer.finish(ending=ending)


def wait_all(*runs: Run) -> list[Record]:
    """See several runs through at once, each on a device of its own, and return their records in order.

    An end before a program's is not raised; each run's `outcome` tells. Raises what `Run.step` raises for the first
    device that is lost, after the other sessions were stopped.
    """
    tick_s = min(TICK_S, _TURN_S / max(1, len(runs)))
    try:
        while not all([run.step(tick_s) for run in runs]):
            pass
    except BaseException:
        for run in runs:
            if not run.done:
                run.stop()
        raise
    return [run.record for run in runs]
