# SPDX-License-Identifier: Apache-2.0
"""Each format comes back: as the same frames by import, as the same values by other people's readers."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
import synthetic
from calls import call, one_sentence
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam.errors import IntegrityFailed, PodsteamError, UsageProblem
from podsteam.record import decode
from podsteam.report.columns import DOSES, EVENTS, SAMPLES
from podsteam.report.export import context_of, events_csv, samples_csv, write_csv, write_json
from podsteam.report.parquet import write_parquet
from podsteam.report.partition import folder_of, write_partitioned
from podsteam.store import SessionMeta, open_store
from podsteam.store.database import Store
from podsteam.store.importing import import_file
from podsteam.store.model import Stored
from podsteam.store.where import chosen
from podsteam.wire.messages import Event, Tele

WRITERS = {"csv": write_csv, "json": write_json, "parquet": write_parquet}
EVIL = ("../../etc/passwd", "/etc/passwd", "CON", "a" * 200, "=1+1", "\x1b]0;x\x07", "[red]x[/]", "\u202egnp.exe", "..")


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("formats")
    with open_store(folder / "from.db") as source, open_store(folder / "to.db") as target:
        yield source, target


message = st.one_of(
    st.builds(
        Tele,
        uptime_ms=st.integers(0, 2**30 - 1),
        state=st.integers(0, 255),
        flags=st.integers(0, 65535),
        wall_cdeg=st.integers(-32768, 32767),
        energy_j=st.integers(0, 2**32 - 1),
        dosed_nl=st.integers(0, 2**32 - 1),
        known=st.integers(0, 255),
        water_cg=st.integers(0, 65535),
    ),
    st.builds(
        Event,
        number=st.integers(0, 65535),
        uptime_ms=st.integers(0, 2**30 - 1),
        event=st.integers(0, 255),
        a=st.integers(-(2**31), 2**31 - 1),
        b=st.integers(-(2**31), 2**31 - 1),
    ),
)


@tries(10)
@given(
    st.lists(message, max_size=6),
    st.binary(max_size=30),
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True), st.text(min_size=1, max_size=20), max_size=2
    ),
    st.text(max_size=30),
)
def test_any_session_comes_back_from_each_format(
    stores: Any, messages: Any, noise: bytes, tags: Any, note: str
) -> None:
    """The frames byte for byte, damage included; the values as Parquet, CSV and JSON readers see them."""
    source, target = stores
    raw = synthetic.wire([synthetic.HEAD, *messages]) + noise
    try:
        meta = SessionMeta(synthetic.HEAD, tags=tags, note=note)
        stored = source.get(source.add_device_record(meta, raw))
    except PodsteamError:
        return
    folder = Path(str(source.path.parent))
    for ending, write in WRITERS.items():
        (path, *_) = write(stored, folder / f"s.{ending}", True)
        key, _ = import_file(target, path)
        assert target.get(key).raw == raw
    same_values(stored, folder)


def same_values(stored: Stored, folder: Path) -> None:
    """What stands in the tables is what the record says."""
    context, record = context_of(stored), stored.record
    document = json.loads((folder / "s.json").read_bytes())
    for name, columns, rows in (("samples", SAMPLES, record.samples), ("events", EVENTS, record.events)):
        cells = [[column.value(context, row) for column in columns] for row in rows]
        assert document[name]["rows"] == cells
        file = "s.parquet" if name == "samples" else "s.events.parquet"
        for i, column in enumerate(columns):
            found = pq.read_table(folder / file).column(column.name).to_pylist()
            if column.kind != "time":
                assert found == [row[i] for row in cells], column.name
    text = samples_csv(stored).decode()
    for row, sample in zip(csv.DictReader(io.StringIO(text, newline="")), record.samples, strict=True):
        assert (int(row["uptime_ms"]), int(row["energy_J"])) == (sample.uptime_ms, sample.energy_j)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with open_store(tmp_path / "s.db") as store:
        store.add_device_record(SessionMeta(synthetic.HEAD, tags={"subject": "P07"}), synthetic.session(2000))
        store.add_device_record(SessionMeta(synthetic.HEAD, tags={"site": "b"}), synthetic.session(3000, fault=True))
        yield store


def test_units_and_meanings_are_in_the_metadata(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    write_parquet(store.get("last"), path)
    schema = pq.read_schema(path)
    for column in SAMPLES:
        about = schema.field(column.name).metadata
        assert about[b"meaning"].decode() == column.meaning
        assert about.get(b"unit", b"").decode() == column.unit
    document = json.loads(schema.metadata[b"podsteam"])
    assert (document["format"], document["version"]) == ("podsteam-session", 1)
    assert schema.field("time").type.tz == "UTC" and {c.name for c in DOSES} <= set(
        pq.read_schema(tmp_path / "s.doses.parquet").names
    )


def test_duckdb_answers_questions_over_all_sessions(store: Store, tmp_path: Path) -> None:
    """The example of docs/records.md."""
    folder = tmp_path / "out"
    sessions = [store.get(entry.id) for entry in store.list()]
    written = write_partitioned(sessions, folder, ("device", "month"), "parquet", ["site", "subject"], False)
    assert len(written) == 9
    query = f"""
        SELECT device, month, count(*) AS sessions, round(avg(time_to_steam_s), 1) AS time_to_steam_s
        FROM read_parquet('{folder}/sessions/**/*.parquet', hive_partitioning = true)
        GROUP BY device, month
    """
    ((device, _, count, steam),) = duckdb.sql(query).fetchall()
    assert (device, count) == (synthetic.UID.hex(), 2)
    assert steam == round(sum(s.record.summary.time_to_steam_s or 0 for s in sessions) / 2, 1)
    hot = duckdb.sql(f"SELECT max(wall_degC), count(*) FROM '{folder}/samples/**/*.parquet' WHERE tag_subject = 'P07'")
    whole = store.get(next(entry.id for entry in store.list() if "subject" in entry.tags)).record
    assert hot.fetchall() == [(max(s.wall_cdeg for s in whole.samples) / 100, len(whole.samples))]
    with pytest.raises(UsageProblem, match="is there already"):
        write_partitioned(sessions, folder, ("device", "month"), "parquet", [], False)


def test_a_strict_reader_of_csv_finds_units_and_numbers(store: Store, tmp_path: Path) -> None:
    """DuckDB's, which guesses kinds from the cells as a spreadsheet does."""
    stored = store.get("last")
    values, events, _ = write_csv(stored, tmp_path / "s.csv")
    table = duckdb.sql(f"SELECT * FROM read_csv('{values}', header = true, strict_mode = true, sample_size = -1)")
    kinds = dict(zip(table.columns, map(str, table.types), strict=True))
    for column in SAMPLES:
        assert column.name.endswith(column.unit.replace("%", "percent").replace("/", "_per_")), column.name
        if column.kind in ("real", "count") and any(
            column.value(context_of(stored), s) is not None for s in stored.record.samples
        ):
            assert kinds[column.name] in ("DOUBLE", "BIGINT"), column.name
    assert (
        kinds["wall_degC"] == kinds["steam_g_per_min"] == kinds["power_W"] == "DOUBLE" and kinds["state"] == "VARCHAR"
    )
    walls = [row[0] for row in table.project("wall_degC").fetchall()]
    assert walls == [sample.wall_cdeg / 100 for sample in stored.record.samples]
    read = duckdb.sql(f"SELECT count(*) FROM read_csv('{events}', header = true, strict_mode = true)")
    assert read.fetchall() == [(len(stored.record.events),)]


def test_a_changed_csv_is_not_taken(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    write_csv(store.get("last"), path)
    path.write_bytes(path.read_bytes().replace(b"106", b"107", 1) + b"x")
    with pytest.raises(IntegrityFailed, match="not as it was written"):
        import_file(store, path)


def test_a_blind_export_says_nothing_of_the_podlet(store: Store, tmp_path: Path) -> None:
    stored = store.get("last")
    uid = stored.entry.podlet_uid
    assert uid
    for ending, write in WRITERS.items():
        written = write(stored.blinded(), tmp_path / f"blind.{ending}", False, True)
        for path in written:
            data = path.read_bytes()
            assert uid.encode() not in data and b'"frames"' not in data and b"04a1b2" not in data
            assert b"PODLET" not in data
        with pytest.raises(UsageProblem, match="no frames"):
            import_file(store, written[0])


def test_conditions(store: Store) -> None:
    entries = store.list()
    assert len(chosen(entries, ["subject=P07"])) == 1 and len(chosen(entries, ["subject!=P07"])) == 1
    assert len(chosen(entries, ["program=gentle", "site=b"])) == 1 and chosen(entries, ["unit=x"]) == []
    assert len(chosen(entries, ["since=2020-01-01"])) == 2 and chosen(entries, ["until=2020-01-01T00:00+01:00"]) == []
    for wrong in ("", "subject", "=x", "since=yesterday", "until=99999-01-01"):
        with pytest.raises(UsageProblem):
            chosen(entries, [wrong])


# Nothing gets out of the folder.


@pytest.mark.parametrize("evil", EVIL)
def test_no_name_that_a_device_says_becomes_a_path(evil: str, tmp_path: Path) -> None:
    from dataclasses import replace

    program = replace(synthetic.PROGRAM, name=evil.encode()[:16].ljust(16, b"\0"))
    head = replace(synthetic.HEAD, program=program.pack())
    tags = {"subject": evil}
    with open_store(tmp_path / "s.db") as store:
        record = store.add_device_record(SessionMeta(head, tags=tags, note=evil), synthetic.wire([head, Tele()]))
        stored = store.get(record)
        folder = tmp_path / "out"
        written = write_partitioned([stored], folder, ("device", "month", "day"), "csv", ["subject"], False)
        assert all(path.resolve().is_relative_to(folder.resolve()) for path in written)
        assert folder_of(stored.entry, ("device",)) == f"device={synthetic.UID.hex()}"
        for path in written[:-1]:
            for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")):
                assert not any(cell.startswith(("=", "@", "+")) or "\x1b" in cell for cell in row)
        for writer in WRITERS.values():
            writer(stored, tmp_path / "one.csv", True)
    assert set(os.listdir(tmp_path)) >= {"out", "one.csv"}
    assert not (tmp_path.parent / "etc").exists()


def test_a_symbolic_link_in_the_target_is_not_followed(store: Store, tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    folder.mkdir()
    (folder / "samples").symlink_to(outside, target_is_directory=True)
    with pytest.raises(UsageProblem, match="symbolic link"):
        write_partitioned([store.get("last")], folder, ("device",), "csv", [], True)
    assert list(outside.iterdir()) == []
    secret = outside / "secret"
    secret.write_text("mine", encoding="utf-8")
    (tmp_path / "s.csv").symlink_to(secret)
    write_csv(store.get("last"), tmp_path / "s.csv", True)
    assert secret.read_text(encoding="utf-8") == "mine"


def test_the_command(store: Store, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    records = ("--store", str(store.path), "records")
    called = call(
        capsys, *records, "--json", "export", "--all", "--format", "csv", "--where", "subject=P07", "-o", "out"
    )
    assert called.status == 0 and json.loads(called.out)["records"] == 1
    assert call(capsys, *records, "export", "last", "-o", "x.parquet").status == 0
    assert call(capsys, *records, "import", "x.parquet").status == 0
    assert "program finished" in call(capsys, *records, "list", "--where", "subject=P07").out
    for wrong in (["last", "--all"], ["--where", "a=b"], ["--all", "-f", "json"], ["--all", "--partition-by", "x"]):
        assert one_sentence(call(capsys, *records, "export", *wrong))
    assert decode(store.get("last").raw).samples == store.get("last").record.samples
    assert events_csv(store.get("last"))
