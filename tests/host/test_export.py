# SPDX-License-Identifier: Apache-2.0
"""Exports: units in the headers, figures that can be read back exactly, and nothing that a spreadsheet would run."""

import csv
import io
import json
import os
import re
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import synthetic
from effort import tries
from hypothesis import example, given
from hypothesis import strategies as st

from podsteam.errors import UsageProblem
from podsteam.record import decode
from podsteam.report.columns import DOSES, EVENTS, SAMPLES
from podsteam.report.export import document, events_csv, guarded, samples_csv, write_csv, write_json
from podsteam.report.files import write_files
from podsteam.store import SessionMeta, open_store
from podsteam.store.model import Stored
from podsteam.wire.messages import FlagBits, RegimeValue, StateValue, Tele

STARTED = datetime(2026, 11, 24, 9, 30, 0, 250_000, timezone(timedelta(hours=1)))


def stored_of(folder: Path, raw: bytes, **meta: Any) -> Stored:
    with open_store(folder / "records.db") as store:
        head = decode(raw).head or synthetic.HEAD
        return store.get(store.add_device_record(SessionMeta(head, **{"started": STARTED, **meta}), raw))


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return stored_of(tmp_path, synthetic.session(), note="window open", tags={"subject": "P07"})


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), strict=True))


def test_the_measurements_read_back_exactly(stored: Stored) -> None:
    rows = rows_of(samples_csv(stored))
    assert len(rows) == len(stored.record.samples)
    for row, sample in zip(rows, stored.record.samples, strict=True):
        assert row["record"] == stored.entry.id
        assert round(float(row["wall_degC"]) * 100) == sample.wall_cdeg
        assert round(float(row["water_degC"]) * 100) == sample.water_cdeg
        assert round(float(row["outlet_degC"]) * 100) == sample.outlet_cdeg
        assert round(float(row["target_degC"]) * 100) == sample.target_cdeg
        assert round(float(row["mains_V"]) * 10) == sample.mains_dv
        assert round(float(row["duty_percent"]) * 10) == sample.duty_permille
        assert round(float(row["power_W"]) * 10) == sample.power_dw
        assert round(float(row["steam_g_per_min"]) * 1000) == sample.steam_mg_min
        assert int(row["energy_J"]) == sample.energy_j
        assert round(float(row["dosed_uL"]) * 1000) == sample.dosed_nl
        assert int(row["doses"]) == sample.doses
        assert StateValue[row["state"]] == sample.state and RegimeValue[row["regime"]] == sample.regime
        assert (row["steam_verified"] == "1") == bool(sample.flags & FlagBits.STEAM_OK)
        at = datetime.fromisoformat(row["time"])
        assert at == STARTED + timedelta(milliseconds=sample.uptime_ms - synthetic.HEAD.started_ms)
        assert float(row["t_s"]) == stored.record.seconds(sample.uptime_ms)


def test_times_are_iso_8601_with_offset(stored: Stored) -> None:
    assert rows_of(samples_csv(stored))[0]["time"] == "2026-11-24T09:30:00.450+01:00"


def test_without_a_clock_the_time_is_empty(tmp_path: Path) -> None:
    stored = stored_of(tmp_path, synthetic.session(1000), started=None)
    assert {row["time"] for row in rows_of(samples_csv(stored))} == {""}
    assert document(stored)["record"]["started"] is None


def test_every_column_that_has_a_unit_names_it() -> None:
    ends = {"s": "_s", "degC": "_degC", "V": "_V", "%": "_percent", "W": "_W", "g/min": "_g_per_min", "J": "_J"}
    ends |= {"uL": "_uL", "g": "_g", "ms": "_ms"}
    for column in (*SAMPLES, *EVENTS, *DOSES):
        assert re.fullmatch(r"[A-Za-z0-9_]+", column.name)
        assert column.meaning
        if column.unit:
            assert column.name.endswith(ends[column.unit])


def test_events_are_a_table_of_their_own(stored: Stored) -> None:
    rows = rows_of(events_csv(stored))
    assert len(rows) == len(stored.record.events)
    dose = next(row for row in rows if row["event"] == "DOSE_RESULT")
    assert (dose["a"], dose["b"], dose["t_s"], dose["text"]) == ("0", "60000", "105.4", "Dose given: 60.0 µL")


def test_the_json_document_describes_itself(stored: Stored) -> None:
    full = json.loads(json.dumps(document(stored), allow_nan=False))
    assert (full["format"], full["version"]) == ("podsteam-session", 1)
    assert full["record"]["started"] == "2026-11-24T09:30:00.250+01:00"
    assert full["record"]["tags"] == {"subject": "P07"} and full["record"]["note"] == "window open"
    assert full["record"]["raw_sha256"] == stored.entry.sha256
    assert full["summary"]["stop_reason"] == "DONE" and full["summary"]["steam_s"] == 180
    assert full["program"]["steam"][1] == {"rate_g_per_min": 6.0, "duration_s": 60}
    for table in ("samples", "events", "doses"):
        columns = full[table]["columns"]
        assert all(column["name"] and column["meaning"] and "unit" in column for column in columns)
        assert all(len(row) == len(columns) for row in full[table]["rows"])
    assert len(full["samples"]["rows"]) == len(stored.record.samples)
    names = [column["name"] for column in full["samples"]["columns"]]
    assert full["samples"]["rows"][7][names.index("wall_degC")] == stored.record.samples[7].wall_cdeg / 100


FORMULA = re.compile(r"^\s*[=+\-@＝＋－＠]")  # noqa: RUF001


@given(st.text() | st.from_regex(r"[\s=+\-@\t\r\n]{1,3}[a-z(!|']*"))
@example("  =1+1")
@example("\u00a0@SUM(1)")
def test_no_text_becomes_a_formula(text: str) -> None:
    cell = guarded(text)
    assert isinstance(cell, str)
    assert not FORMULA.match(cell)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", cell)


def test_numbers_stay_numbers() -> None:
    assert guarded(-5) == -5 and guarded(-5.5) == -5.5 and guarded(None) == "" and guarded(True) == 1


def test_a_hostile_record_stays_in_its_cells(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://x","y")\r\n@SUM(1)\x1b[2J'
    stored = stored_of(tmp_path, synthetic.hostile(), note=evil, tags={"subject": evil})
    (row,) = rows_of(samples_csv(stored))
    assert (row["state"], row["regime"], row["wall_degC"]) == ("99", "98", "-327.68")
    (event,) = rows_of(events_csv(stored))
    assert (event["event"], event["a"]) == ("200", "-1")
    text = json.dumps(document(stored), ensure_ascii=False)
    assert text.isprintable()
    assert document(stored)["program"]["name"] == '=1+1"<b>\\x1b]0;x\\x07'


telemetry = st.builds(
    Tele,
    uptime_ms=st.integers(0, 2**32 - 1),
    session_s=st.integers(0, 65535),
    state=st.integers(0, 255),
    regime=st.integers(0, 255),
    flags=st.integers(0, 65535),
    wall_cdeg=st.integers(-32768, 32767),
    water_cdeg=st.integers(-32768, 32767),
    outlet_cdeg=st.integers(-32768, 32767),
    target_cdeg=st.integers(-32768, 32767),
    steam_mg_min=st.integers(0, 65535),
    energy_j=st.integers(0, 2**32 - 1),
    dosed_nl=st.integers(0, 2**32 - 1),
)


@tries(30)
@given(st.lists(telemetry, max_size=8))
def test_whatever_was_measured_can_be_read_back(samples: list[Tele]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stored = stored_of(Path(folder), synthetic.wire([synthetic.HEAD, *samples]))
        rows = rows_of(samples_csv(stored))
        full = json.loads(json.dumps(document(stored), allow_nan=False))
    assert [round(float(row["wall_degC"]) * 100) for row in rows] == [sample.wall_cdeg for sample in samples]
    assert [round(float(row["dosed_uL"]) * 1000) for row in rows] == [sample.dosed_nl for sample in samples]
    at = [column["name"] for column in full["samples"]["columns"]].index("energy_J")
    assert [row[at] for row in full["samples"]["rows"]] == [sample.energy_j for sample in samples]


# Files.


def test_both_tables_are_written_or_none(stored: Stored, tmp_path: Path) -> None:
    path = tmp_path / "session.csv"
    beside = tmp_path / "session.events.csv"
    beside.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageProblem, match=r"session\.events\.csv: is there already"):
        write_csv(stored, path)
    assert not path.exists() and beside.read_text(encoding="utf-8") == "mine"
    assert write_csv(stored, path, overwrite=True) == [path, beside, tmp_path / "session.meta.json"]
    assert path.read_bytes() == samples_csv(stored) and beside.read_bytes() == events_csv(stored)


def test_json_refuses_to_overwrite_unless_told(stored: Stored, tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    assert write_json(stored, path) == [path]
    with pytest.raises(UsageProblem, match="--overwrite") as caught:
        write_json(stored, path)
    assert caught.value.status == 2
    assert write_json(stored, path, overwrite=True) == [path]
    assert json.loads(path.read_bytes())["format"] == "podsteam-session"


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="cannot be written"):
        write_files({tmp_path / "no" / "where.csv": b"x"})
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageProblem):
        write_files({tmp_path / "folder": b"x"}, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["folder"]


def test_a_file_system_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(os, "link", no_link)
    write_files({tmp_path / "a.csv": b"x"})
    assert (tmp_path / "a.csv").read_bytes() == b"x"
    with pytest.raises(UsageProblem, match="is there already"):
        write_files({tmp_path / "a.csv": b"y"})
    assert os.listdir(tmp_path) == ["a.csv"]


def test_utc_is_written_with_its_offset(tmp_path: Path) -> None:
    stored = stored_of(tmp_path, synthetic.session(1000), started=STARTED.astimezone(UTC))
    assert rows_of(samples_csv(stored))[0]["time"] == "2026-11-24T08:30:01.250+00:00"
