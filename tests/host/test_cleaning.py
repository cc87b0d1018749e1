# SPDX-License-Identifier: Apache-2.0
"""When a unit wants cleaning, by the records of a store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import synthetic

from podsteam.store import SessionMeta, cleaning, facts
from podsteam.store.database import Store

BEGIN = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
UNIT = synthetic.UID.hex()
TREATMENT, CLEANER = "04a1b2c3d4e5f6", "04ffffffffffff"


class Life:
    """A store whose sessions begin at given hours."""

    def __init__(self, path: Path) -> None:
        self.now = BEGIN
        self.store = Store(path, clock=lambda: self.now)
        facts.note(self.store, "podlet", TREATMENT, {"batch": "B17"})
        facts.note(self.store, "podlet", CLEANER, {"cleaning": True})

    def session(self, hours: float, podlet: str = TREATMENT, program: bytes = b"gentle", unit: bytes = b"") -> int:
        """Pull a session's record; returns its doses."""
        self.now = BEGIN + timedelta(hours=hours)
        plan = replace(synthetic.PROGRAM, name=program.ljust(16, b"\0"))
        head = replace(synthetic.HEAD, podlet_uid=bytes.fromhex(podlet), uid=unit or synthetic.UID, program=plan.pack())
        record = self.store.add_device_record(SessionMeta(head, self.now), synthetic.session(2000 + int(hours * 10)))
        summary = self.store.get(record).entry.summary
        assert summary is not None
        return summary.doses

    def due(self, hours: float) -> str:
        return cleaning.line_of(self.store, UNIT).due(BEGIN + timedelta(hours=hours))


def test_after_a_rest_and_after_many_doses(tmp_path: Path) -> None:
    life = Life(tmp_path / "s.db")
    with life.store:
        assert life.due(1000) == ""
        doses = life.session(1)
        assert doses > 0
        assert life.due(72) == "" and life.due(73) == "What is left in the line has stood for 3 days"
        needed = -(-cleaning.SHOTS // doses)
        for i in range(1, needed):
            assert life.due(i + 1) == ""
            life.session(i + 1)
        assert life.due(needed + 1) == f"{doses * needed} doses since the last cleaning"


def test_a_cleaning_podlet_or_a_rinse_begins_anew(tmp_path: Path) -> None:
    life = Life(tmp_path / "s.db")
    with life.store:
        life.session(1)
        life.session(100, CLEANER)
        assert life.due(900) == ""
        life.session(901)
        assert life.due(1000) != ""
        life.session(1001, program=b"rinse")
        assert life.due(1900) == ""


def test_another_unit_has_a_line_of_its_own(tmp_path: Path) -> None:
    life = Life(tmp_path / "s.db")
    with life.store:
        life.session(1)
        life.session(2, CLEANER, unit=b"\1\2\3\4\5\6")
        assert life.due(100) != ""
