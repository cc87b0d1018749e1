# SPDX-License-Identifier: Apache-2.0
"""The chain: what was changed, taken out, slipped in or moved is named; stores merge, copy and migrate whole."""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import synthetic
from calls import call, one_sentence
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam.errors import IntegrityFailed, PodsteamError, StoreFailed, UsageProblem
from podsteam.report.export import write_json
from podsteam.store import SessionMeta, blob, facts, open_store, place
from podsteam.store.annotations import annotate
from podsteam.store.database import Store
from podsteam.store.importing import import_file
from podsteam.store.merge import backup, merge
from podsteam.store.model import CUT_OFF, IMPORTED
from podsteam.store.verify import verify

META = SessionMeta(synthetic.HEAD, datetime(2026, 11, 24, 9, 30, tzinfo=UTC), "sim", {"subject": "P07"}, "window open")
SHORT = synthetic.session(2000)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three records, an annotation and a fact."""
    path = tmp_path_factory.mktemp("made") / "records.db"
    with open_store(path) as store:
        for _ in range(3):
            store.add_device_record(META, SHORT)
        annotate(store, store.list()[0].id, {"site": "A", "subject": None}, "too warm")
        facts.note(store, "batch", "B17", {"product": "aloe"})
        backup(store, path.with_name("copy.db"))
    return path.with_name("copy.db")


@pytest.fixture
def made(original: Path, tmp_path: Path) -> Path:
    """A copy of that store."""
    return shutil.copy(original, tmp_path / "records.db")


@contextlib.contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    """The file behind the store's back."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


def findings(path: Path, anchor: str = "") -> list[tuple[str, str]]:
    with open_store(path) as store:
        return [(finding.record, finding.text) for finding in verify(store, anchor).findings]


def ids(path: Path) -> list[str]:
    with open_store(path) as store:
        return sorted(entry.id for entry in store.list())


def test_an_untouched_store_passes(made: Path) -> None:
    with open_store(made) as store:
        found = verify(store)
        assert found.findings == () and found.sessions == 3
        assert (len(found.heads), found.heads[0].entries, found.heads[0].own) == (1, 6, True)
        assert store.get(store.list()[0].id).head == found.heads[0].hash


# Tampering.


CHANGES = ("program", "note", "doses", "started_us", "duration_s", "fault", "by_host", "podlet_uid", "source", "ending")


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_figure_is_named(made: Path, column: str) -> None:
    victim = ids(made)[1]
    with raw(made) as file:
        was = file.execute(f"SELECT {column} FROM session WHERE id = ?", (victim,)).fetchone()[0]
        new = f"{was}1" if isinstance(was, str) else 1 - (was or 0)
        file.execute(f"UPDATE session SET {column} = ? WHERE id = ?", (new, victim))
    ((record, text),) = findings(made)
    assert record == victim and column in text


def other_frames() -> tuple[str, bytes, str]:
    return blob.pack(synthetic.session(2000, fault=True))


def test_other_frames_with_a_fitting_checksum_are_named(made: Path) -> None:
    victim = ids(made)[2]
    with raw(made) as file:
        file.execute("UPDATE session SET codec = ?, blob = ?, sha256 = ? WHERE id = ?", (*other_frames(), victim))
    assert {record for record, _ in findings(made)} == {victim}


def test_other_frames_sealed_by_the_store_itself_are_named(made: Path) -> None:
    """A record that is made to look as if its recording had died is closed anew, but not with other frames."""
    victim = ids(made)[0]
    with raw(made) as file:
        died = "codec = ?, blob = ?, sha256 = ?, state = 'recording', heartbeat_us = 0"
        file.execute(f"UPDATE session SET {died} WHERE id = ?", (*other_frames(), victim))
    found = findings(made)
    assert {record for record, _ in found} == {victim}
    assert "other frames" in found[0][1]


def test_a_record_taken_out_is_named(made: Path) -> None:
    victim = ids(made)[1]
    with raw(made) as file:
        file.execute("DELETE FROM session WHERE id = ?", (victim,))
        file.execute("DELETE FROM tag WHERE record = ?", (victim,))
    assert [record for record, text in findings(made) if "taken out" in text] == [victim]


def test_a_record_taken_out_with_its_entries_leaves_a_gap(made: Path) -> None:
    with raw(made) as file:
        victim, number = file.execute("SELECT subject, number FROM chain WHERE number = 3").fetchone()
        file.execute("DELETE FROM session WHERE id = ?", (victim,))
        file.execute("DELETE FROM tag WHERE record = ?", (victim,))
        file.execute("DELETE FROM chain WHERE subject = ?", (victim,))
    assert any("is missing" in text and f"entry {number}" in text for _, text in findings(made))


def test_a_record_slipped_in_is_named(made: Path) -> None:
    source = ids(made)[0]
    with raw(made) as file:
        columns = [row[1] for row in file.execute("PRAGMA table_info(session)") if row[1] != "id"]
        names = ", ".join(columns)
        file.execute(
            f"INSERT INTO session (id, {names}) SELECT 'feedfeedfeed', {names} FROM session WHERE id = ?", (source,)
        )
    assert findings(made) == [("feedfeedfeed", "Record feedfeedfeed was slipped in: no entry of a chain tells of it.")]


def test_entries_that_changed_places_are_named(made: Path) -> None:
    with raw(made) as file:
        file.execute("UPDATE chain SET number = 99 WHERE number = 2")
        file.execute("UPDATE chain SET number = 2 WHERE number = 3")
        file.execute("UPDATE chain SET number = 3 WHERE number = 99")
        moved = {row[0] for row in file.execute("SELECT subject FROM chain WHERE number IN (2, 3)")}
    found = findings(made)
    assert moved <= {record for record, _ in found} and all("changed or moved" in text for _, text in found)


@pytest.mark.parametrize("column", ["kind", "subject", "at_us", "body", "hash"])
def test_any_change_of_an_entry_is_named(made: Path, column: str) -> None:
    with raw(made) as file:
        value = 5 if column == "at_us" else "x"
        file.execute(f"UPDATE chain SET {column} = ? WHERE number = 3", (value,))
    assert any("entry 3" in text.lower() for _, text in findings(made))


def test_a_tag_set_behind_the_stores_back_is_named(made: Path) -> None:
    victim = ids(made)[0]
    with raw(made) as file:
        file.execute("INSERT INTO tag VALUES (?, 'arm', 'verum')", (victim,))
    assert findings(made) == [(victim, f"Record {victim}: the tag arm is not as it was set.")]


def test_a_changed_fact_is_named(made: Path) -> None:
    with raw(made) as file:
        file.execute("UPDATE fact SET value = '{}'")
    assert findings(made) == [("", "What is noted of batch B17 is not as it was written.")]


def test_a_chain_cut_at_its_end_needs_an_anchor(made: Path) -> None:
    with open_store(made) as store:
        anchor = verify(store).heads[0].hash
        early = store.get("last").head
    assert findings(made, anchor) == [] and findings(made, early) == []
    with raw(made) as file:
        file.execute("DELETE FROM chain WHERE number = 6")
        file.execute("DELETE FROM fact")
    assert findings(made) == []
    ((record, text),) = findings(made, anchor)
    assert record == "" and anchor in text


# What belongs to a store's life.


def test_a_session_recorded_live_is_sealed_when_it_ends(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store:
        taker = store.begin(META)
        taker.frame(synthetic.bodies(synthetic.script(2000).messages)[1])
        taker.flush()
        assert verify(store).findings == ()
        annotate(store, taker.record, {"arm": "b"})
        taker.finish(ending="The device went away.")
        assert verify(store).findings == ()
        assert store.get("last").entry.tags == {"subject": "P07", "arm": "b"}


def test_a_record_that_went_on_after_it_was_closed_passes(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store:
        taker = store.begin(META)
        later = Store(store.path, clock=lambda: datetime.now(UTC) + timedelta(hours=1))
        assert later.list()[0].state == CUT_OFF
        later.close()
        for body in synthetic.bodies(synthetic.script(2000).messages[1:]):
            taker.frame(body)
        taker.finish()
        assert verify(store).findings == ()


def test_a_store_of_the_first_schema_is_sealed_as_it_is(made: Path) -> None:
    with raw(made) as file:
        for table in ("chain", "about", "fact"):
            file.execute(f"DROP TABLE {table}")
        file.execute("PRAGMA user_version = 1")
    with open_store(made) as store:
        assert len(store.list()) == 3
        found = verify(store)
        assert (found.findings, found.heads[0].entries) == ((), 4)


def test_annotations_stay(made: Path) -> None:
    with open_store(made) as store:
        key = next(entry.id for entry in store.list() if entry.tags.get("site") == "A")
        annotate(store, key, {"site": "B"}, "cooler now")
        stored = store.get(key)
    assert stored.entry.tags == {"site": "B"} and stored.entry.note == "window open"
    assert [(each.tags, each.note) for each in stored.annotations] == [
        ({"site": "A", "subject": None}, "too warm"),
        ({"site": "B"}, "cooler now"),
    ]


@pytest.mark.parametrize(("tags", "note"), [({}, ""), ({"A": "x"}, ""), ({"a": ""}, ""), ({}, "x" * 4001)])
def test_what_a_store_does_not_take_as_annotation(made: Path, tags: dict[str, Any], note: str) -> None:
    with open_store(made) as store, pytest.raises(UsageProblem):
        annotate(store, "last", tags, note)


# Network folders.


MOUNTS = """22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:40 / /home rw - nfs4 server:/home rw
31 30 0:41 / /home/me/own\\040disk rw - ext4 /dev/sdb rw
32 22 0:42 / /mnt rw - ext4 /dev/sdc rw
33 32 0:43 / /mnt rw - cifs //nas/share rw
bad line
"""


@pytest.mark.parametrize(
    ("folder", "kind"), [("/var", "ext4"), ("/home/me", "nfs4"), ("/home/me/own disk/x", "ext4"), ("/mnt/x", "cifs")]
)
def test_the_mount_that_counts_is_the_nearest_and_last(folder: str, kind: str) -> None:
    assert place.kind_of_mount(MOUNTS, Path(folder)) == kind


def test_a_network_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "_kind", lambda folder: "nfs4")
    with pytest.raises(StoreFailed, match=r"network folder \(nfs4\).*records merge"):
        open_store(tmp_path / "s.db")
    assert list(tmp_path.iterdir()) == []


# Merging and copying.


def test_a_merge_keeps_both_chains_and_every_annotation(made: Path, tmp_path: Path) -> None:
    with open_store(tmp_path / "mine.db") as mine, open_store(made) as theirs:
        own = mine.add_device_record(META, synthetic.session(3000))
        assert (merge(mine, theirs).sessions, merge(mine, theirs).sessions) == (3, 0)
        found = verify(mine)
        assert found.findings == () and found.sessions == 4 and len(found.heads) == 2
        theirs_head = verify(theirs).heads[0].hash
        assert found.heads[1].hash == theirs_head and verify(mine, theirs_head).findings == ()
        assert {entry.id: entry.tags for entry in mine.list() if entry.id != own} == {
            entry.id: entry.tags for entry in theirs.list()
        }
        # What was added there since comes with the next merge; what was added here stays.
        annotate(theirs, theirs.list()[0].id, {"late": "yes"})
        annotate(mine, theirs.list()[1].id, {"here": "yes"})
        assert merge(mine, theirs).entries == 1
        assert verify(mine).findings == ()
        tags = {name for entry in mine.list() for name in entry.tags}
        assert {"late", "here", "site"} <= tags
        assert facts.facts(mine, "batch")[0].value == {"product": "aloe"}


def test_a_store_that_fails_its_check_is_not_taken(made: Path, tmp_path: Path) -> None:
    with raw(made) as file:
        file.execute("UPDATE session SET doses = 9")
    with open_store(tmp_path / "mine.db") as mine, open_store(made) as theirs:
        with pytest.raises(IntegrityFailed, match="fails its check"):
            merge(mine, theirs)
        assert mine.list() == []


def test_a_copy_that_went_another_way_is_refused(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with open_store(made) as store:
        backup(store, copy)
        with pytest.raises(UsageProblem, match="is there already"):
            backup(store, copy)
        with open_store(copy) as other:
            assert verify(other) == verify(store)
            assert merge(store, other).entries == 0
            other.add_device_record(META, SHORT)
            with pytest.raises(IntegrityFailed, match="later copy"):
                merge(store, other)
            store.add_device_record(META, synthetic.session(3000))
            with pytest.raises(IntegrityFailed, match="went different ways"):
                merge(store, other)
        assert len(store.list()) == 4


# Import.


def test_a_session_comes_back_from_its_document(made: Path, tmp_path: Path) -> None:
    document = tmp_path / "s.json"
    with open_store(made) as store, open_store(tmp_path / "other.db") as other:
        stored = store.get("last")
        write_json(stored, document)
        assert import_file(other, document) == (stored.entry.id, True)
        assert import_file(other, document) == (stored.entry.id, False)
        again = other.get("last")
        assert again.raw == stored.raw and again.entry.source == IMPORTED
        assert (again.entry.started, again.entry.tags) == (stored.entry.started, stored.entry.tags)
        assert verify(other).findings == ()
        assert merge(other, store).sessions == 2
        assert verify(other).findings == ()


HOSTILE_DOCUMENTS: dict[str, bytes] = {
    "no JSON": b"\x00\xff",
    "JSON bomb of brackets": b"[" * 200_000,
    "JSON bomb of objects": b'{"a":' * 200_000,
    "a number of a million digits": b"1" * 1_000_000,
    "another program's": b'{"format": "other"}',
    "a version to come": b'{"format": "podsteam-session", "version": 2, "record": {}}',
    "no frames": b'{"format": "podsteam-session", "version": 1, "record": {"id": "abcdefabcdef"}}',
    "frames of the wrong kind": b'{"format": "podsteam-session", "version": 1, "record": {}, "frames": [1]}',
    "frames that are no base64": b'{"format": "podsteam-session", "version": 1, "record": {}, "frames": {"data": "/"}}',
}


@pytest.mark.parametrize("name", HOSTILE_DOCUMENTS)
def test_a_hostile_document_is_refused_in_one_sentence(name: str, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "s.json"
    path.write_bytes(HOSTILE_DOCUMENTS[name])
    called = call(capsys, "--store", str(tmp_path / "s.db"), "records", "import", str(path))
    assert called.status in (2, 30) and str(path) in one_sentence(called)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda s: st.lists(s) | st.dictionaries(st.text(), s),
)


@tries(10)
@given(st.sampled_from(["id", "started", "tags", "note", "frames", "data", "sha256"]), json_values)
def test_a_document_with_any_value_in_any_place_is_taken_or_refused(place_: str, value: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "s.db") as store:
        store.add_device_record(META, synthetic.wire([synthetic.HEAD]))
        document = Path(folder) / "s.json"
        write_json(store.get("last"), document)
        full = json.loads(document.read_bytes())
        holder = full if place_ == "frames" else full["frames" if place_ in ("data", "sha256") else "record"]
        holder[place_] = value
        document.write_text(json.dumps(full), encoding="utf-8")
        with contextlib.suppress(PodsteamError):
            import_file(store, document)
        assert verify(store).findings == ()


# Commands.


def test_verify_exits_with_30_and_names_the_record(made: Path, capsys: Any) -> None:
    store = ("--store", str(made), "records")
    called = call(capsys, *store, "verify")
    assert called.status == 0 and "3 records are as they were written" in called.out
    victim = ids(made)[0]
    with raw(made) as file:
        file.execute("UPDATE session SET doses = 77 WHERE id = ?", (victim,))
    called = call(capsys, *store, "--json", "verify")
    assert called.status == 30 and json.loads(called.out)["findings"][0]["record"] == victim
    assert call(capsys, *store, "verify", "--head", "abc").status == 2


def test_the_commands_that_keep_a_store(made: Path, tmp_path: Path, capsys: Any) -> None:
    store = ("--store", str(made), "records")
    called = call(capsys, *store, "annotate", "last", "--tag", "a=b", "--untag", "subject", "--note", "x")
    assert called.status == 0 and "a=b" in called.out
    assert call(capsys, *store, "annotate", "last").status == 2
    assert "Noted" in call(capsys, *store, "register", "batch", "B18", "product=rose").out
    assert "already" in call(capsys, *store, "register", "batch", "B18", "product=rose").out
    copy = tmp_path / "copy.db"
    assert call(capsys, *store, "backup", str(copy)).status == 0
    fresh = ("--store", str(tmp_path / "new.db"), "records")
    assert "3 records taken over" in call(capsys, *fresh, "merge", str(copy)).out
    assert call(capsys, *fresh, "merge", str(tmp_path / "none.db")).status == 40
    assert call(capsys, *fresh, "verify").status == 0


# How frames are kept.


@tries(200)
@given(
    st.lists(st.sampled_from([b"\0", b"\0\0", b"ab", b"\0cd\0", b"x" * 300, b"\0ee\0" * 20]) | st.binary(max_size=9))
)
def test_any_bytes_come_back_from_their_planes(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    assert blob._from_planes(blob._to_planes(raw)) == raw
    long = raw * (1 + 5000 // (len(raw) or 1))
    assert blob.unpack(*blob.pack(long)) == long


@given(st.binary(max_size=64))
def test_planes_that_do_not_fit_are_refused(data: bytes) -> None:
    import zlib

    with contextlib.suppress(IntegrityFailed):
        blob.unpack(blob.PLANES, zlib.compress(data), "no")
