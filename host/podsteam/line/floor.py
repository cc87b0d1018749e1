# SPDX-License-Identifier: Apache-2.0
"""The rows of a station, from empty to PASS or FAIL and empty again. `tick` sees what was plugged in and what is done.

Everything but the units' own work happens in the thread that calls `tick` and `key`, the store included.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from podsteam import production
from podsteam.errors import PodsteamError, UsageProblem
from podsteam.line.serials import Serials
from podsteam.line.station import KEYS, Station
from podsteam.line.unit import Found, Work
from podsteam.production import PASS, Record

if TYPE_CHECKING:
    from podsteam.store.database import Store


class State(Enum):
    """What a row shows."""

    EMPTY = "empty"
    READY = "ready"
    """Something is plugged in; its key starts."""
    WORKING = "working"
    AWAY = "unplugged"
    """Unplugged in the middle; it goes on when it is plugged in again, its key gives it up."""
    PASS = "pass"
    FAIL = "fail"


@dataclass(slots=True)
class Row:
    """One place."""

    key: str
    place: str = ""
    """"": free, for the next place that something is plugged in at."""
    state: State = State.EMPTY
    text: str = ""
    """Why it failed, or what else there is to say."""
    scanned: str = ""
    record: Record | None = None
    """Of the last unit, with its address."""
    work: Work | None = None
    done: "Future[Found] | None" = None
    emptied: bool = field(default=False)
    """The place was empty at some moment of the work."""


class Floor:
    """All rows, the store and the serial numbers of one station."""

    def __init__(
        self,
        station: Station,
        store: "Store",
        present: Callable[[], Mapping[str, str]],
        told: Callable[[Work], None] = lambda _: None,
    ) -> None:
        """`present` gives place to port; `told` is called in a unit's thread at the beginning of each of its steps."""
        self.station = station
        self.rows = [Row(key, place) for key, place in zip(KEYS, _padded(station), strict=False)]
        self.scan = ""
        """What was scanned and waits for its row."""
        self.message = ""
        self.records: list[Record] = []
        """The attempts of this run."""
        self._store = store
        self._past = production.history(store)
        self._serials = Serials(station.serials, station.first, self._past)
        self._present = present
        self._told = told
        self._pool = ThreadPoolExecutor(max_workers=len(self.rows), thread_name_prefix="unit")

    # What the operator does ---------------------------------------------------------------------------------
    def key(self, key: str) -> None:
        """A row's key: start it, or give up one that does not come back."""
        row = next((row for row in self.rows if row.key == key), None)
        self.message = ""
        if row is None or row.state in (State.EMPTY, State.WORKING, State.PASS, State.FAIL):
            return
        if row.state is State.AWAY:
            self._clear(row)
        elif not self.station.serials and not self.scan:
            self.message = "Scan its serial number first."
        else:
            row.scanned, self.scan = self.scan, ""
            self._start(row)

    def scanned(self, text: str) -> None:
        """A serial number came from the scanner: it goes to the one row that waits, or to the next key pressed."""
        try:
            self.scan = production.name_of(text, "serial number")
        except UsageProblem as e:
            self.message = str(e)
            return
        waiting = [row for row in self.rows if row.state is State.READY]
        if len(waiting) == 1:
            self.key(waiting[0].key)
        else:
            self.message = f"{self.scan}: press the key of its row."

    def busy(self) -> int:
        """How many units are being worked on."""
        return sum(row.state is State.WORKING for row in self.rows)

    def close(self) -> None:
        """Wait for what is under way, and keep what came of it. Raises StoreFailed."""
        self._pool.shutdown()
        for row in self.rows:
            if row.state is State.WORKING:
                self._look(row)

    # What happens -------------------------------------------------------------------------------------------
    def tick(self) -> None:
        """See what is plugged in and what is done. Raises StoreFailed."""
        there = self._present()
        for place in there:
            if not self.station.places and all(row.place != place for row in self.rows):
                self._give(place)
        for row in self.rows:
            plugged = bool(row.place) and row.place in there
            if row.state is State.WORKING:
                row.emptied = row.emptied or not plugged
                self._look(row)
            elif row.state is State.AWAY:
                if plugged:
                    self._start(row)
            elif plugged and row.state is State.EMPTY:
                row.state = State.READY
            elif not plugged and row.state is not State.EMPTY:
                self._clear(row)

    def _give(self, place: str) -> None:
        """The first row that never had a place, else the first that is empty."""
        free = [row for row in self.rows if not row.place] or [row for row in self.rows if row.state is State.EMPTY]
        if free:
            free[0].place = place

    def _clear(self, row: Row) -> None:
        row.state, row.text, row.scanned = State.EMPTY, "", ""
        row.record = row.work = row.done = None

    def _start(self, row: Row) -> None:
        port = self._present().get(row.place)
        if port is None:
            return
        row.state, row.text, row.emptied = State.WORKING, "", False

        def gone() -> bool:
            return row.emptied or self._present().get(row.place) != port

        work = Work(self.station, self._serials, row.place, port, gone, self._attempt_of, row.scanned, self._told)
        row.work, row.done = work, self._pool.submit(work.run)

    def _attempt_of(self, unit: str) -> int:
        return len(self._past.get(unit, ())) + 1

    def _look(self, row: Row) -> None:
        if row.done is None or not row.done.done():
            return
        found = row.done.result()
        row.done = None
        if found.record is None:
            row.state, row.text = State.AWAY, "unplugged; plug it in again, it goes on"
            return
        self._note(row, found.unit, found.record)

    def _note(self, row: Row, unit: str, found: Record) -> None:
        """The record first: nothing shows as passed that the store does not have."""
        # One that never told its address is a unit of its own each time.
        subject = unit or f"unknown {row.place} {datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:64]
        record = production.noted(self._store, subject, found)
        self._past.setdefault(subject, []).append(record)
        self.records.append({**record, "place": row.place})
        row.record = record
        row.state = State.PASS if record["result"] == PASS else State.FAIL
        row.text = "; ".join(production.failures(record))
        if row.state is State.PASS and self.station.labels:
            row.text = _label(record, self.station)


def _padded(station: Station) -> list[str]:
    return [*station.places, *[""] * (station.rows - len(station.places))]


def _label(record: Record, station: Station) -> str:
    """Write the label; what kept it from being written, "": nothing."""
    from podsteam import production_label
    from podsteam.report.files import write_files

    assert station.labels is not None
    try:
        write_files(production_label.files(record, station.labels), overwrite=True)
    except PodsteamError as e:
        return f"no label: {e}"
    return ""


def summary(floor: Floor) -> dict[str, Any]:
    """Of this run: attempts, units, and those whose last attempt passed."""
    last = {record["unit"]: record["result"] for record in floor.records}
    return {"attempts": len(floor.records), "units": len(last), "passed": sum(r == PASS for r in last.values())}
