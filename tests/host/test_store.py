# SPDX-License-Identifier: Apache-2.0
"""The record store: what goes in comes out, a killed writer loses a second at most, and bad files are named."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import synthetic
from effort import tries
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from podsteam.errors import IntegrityFailed, StoreFailed, UsageProblem
from podsteam.record import decode
from podsteam.store import SessionMeta, database, default_path, engine, open_store, parse_tag, tables, writer
from podsteam.store.database import Store
from podsteam.store.model import COMPLETE, CUT_OFF, DEVICE, LIVE, RECORDING
from podsteam.wire.messages import Event, EventValue, StopValue, Tele
from podsteam_protocol import frame

HERE = Path(__file__).parent
STARTED = datetime(2026, 11, 24, 9, 30, tzinfo=timezone(timedelta(hours=1)))
META = SessionMeta(synthetic.HEAD, STARTED, "sim", {"subject": "P07"}, "window open")
UID = synthetic.UID.hex()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "records.db") as store:
        yield store


def record_live(store: Store, script: synthetic.Script, meta: SessionMeta = META) -> str:
    with store.begin(meta) as taker:
        for body in synthetic.bodies(script.messages[1:]):
            taker.frame(body)
    return taker.record


# In and out.


def test_a_live_session_comes_back_byte_for_byte(store: Store) -> None:
    script = synthetic.script()
    record = record_live(store, script)
    stored = store.get(record)
    bodies = synthetic.bodies(script.messages[1:])
    head = frame.encode(synthetic.HEAD.ID, 0, synthetic.HEAD.pack())
    assert stored.raw == head + b"".join(frame.encode(b[0], b[1], b[2:]) for b in bodies)
    entry = stored.entry
    assert (entry.state, entry.source, entry.uid, entry.session) == (COMPLETE, LIVE, UID, 12)
    assert entry.boot_id == synthetic.BOOT_ID
    assert (entry.program, entry.firmware, entry.podlet_uid) == ("gentle", "0.1.0", "04a1b2c3d4e5f6")
    assert (entry.port, entry.note, entry.tags) == ("sim", "window open", {"subject": "P07"})
    assert entry.simulated and entry.by_host
    assert entry.raw_bytes == len(stored.raw)
    assert entry.summary == stored.record.summary
    assert entry.started == STARTED
    assert entry.started is not None and entry.started.utcoffset() == timedelta(hours=1)


def test_a_device_record_is_kept_as_it_came(store: Store) -> None:
    raw = synthetic.session()
    record = store.add_device_record(SessionMeta(synthetic.HEAD), raw)
    stored = store.get(record)
    assert stored.raw == raw
    assert (stored.entry.state, stored.entry.source, stored.entry.started) == (COMPLETE, DEVICE, None)
    assert stored.entry.summary == decode(raw).summary


@tries(20)
@given(st.lists(st.binary(min_size=2, max_size=frame.MAX_BODY), max_size=12))
def test_any_frames_are_kept_untouched(bodies: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "s.db") as store:
        with store.begin(META) as taker:
            for body in bodies:
                taker.frame(body)
        raw = store.get(taker.record).raw
    kept = [body for is_frame, body in frame.Splitter().feed(raw) if is_frame]
    assert kept[1:] == bodies


def test_the_list_has_the_newest_first(store: Store) -> None:
    old = store.add_device_record(SessionMeta(synthetic.HEAD, STARTED), synthetic.session(1000))
    new = store.add_device_record(SessionMeta(synthetic.HEAD, STARTED + timedelta(days=1)), synthetic.session(1000))
    assert [entry.id for entry in store.list()] == [new, old]
    assert store.get("last").entry.id == new


def test_ids_are_found_by_their_beginning(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter(["abc000000001", "abc000000002", "d00000000003"])
    monkeypatch.setattr(database, "_new_id", lambda: next(ids))
    for _ in range(3):
        store.add_device_record(SessionMeta(synthetic.HEAD), b"")
    assert store.get("D0").entry.id == "d00000000003"
    assert store.get("abc000000002").entry.id == "abc000000002"
    with pytest.raises(UsageProblem, match="Several records begin with 'abc': abc000000001, abc000000002"):
        store.get("abc")
    with pytest.raises(UsageProblem, match="no record 'ff'"):
        store.get("ff")
    for wrong in ("", "xyz", "%", "a_", "abc0000000011"):
        with pytest.raises(UsageProblem, match="no record id"):
            store.get(wrong)


def test_last_in_an_empty_store_is_no_record(store: Store) -> None:
    with pytest.raises(UsageProblem, match="no record 'last'"):
        store.get("last")


def test_no_id_can_be_taken_for_a_number(store: Store) -> None:
    for _ in range(30):
        record = store.add_device_record(SessionMeta(synthetic.HEAD), b"")
        assert len(record) == 12 and record[0] in "abcdef"


def test_which_sessions_need_no_pulling(store: Store) -> None:
    assert not store.has_device_record(UID, synthetic.BOOT_ID, 12)
    cut = synthetic.script()
    cut.messages = cut.messages[:300]
    record_live(store, cut)
    assert not store.has_device_record(UID, synthetic.BOOT_ID, 12), "the live record lacks the end"
    store.add_device_record(SessionMeta(synthetic.HEAD), synthetic.session()[:5000])
    assert store.has_device_record(UID.upper(), synthetic.BOOT_ID, 12)
    assert not store.has_device_record(UID, synthetic.BOOT_ID, 13)
    assert not store.has_device_record(UID, synthetic.BOOT_ID + 1, 12)


def test_a_whole_live_record_needs_no_pulling(store: Store) -> None:
    record_live(store, synthetic.script())
    assert store.has_device_record(UID, synthetic.BOOT_ID, 12)


def test_a_device_clock_gives_the_start_when_the_host_knows_none(store: Store) -> None:
    import dataclasses

    head = dataclasses.replace(synthetic.HEAD, started_unix=1_800_000_000)
    record = store.add_device_record(SessionMeta(head), b"")
    assert store.get(record).entry.started == datetime.fromtimestamp(1_800_000_000, UTC)


def test_tags_and_notes_are_checked() -> None:
    assert parse_tag("subject=P07=b") == ("subject", "P07=b")
    for wrong in ("subject", "=x", "Subject=x", "a b=c", "x=", "x=" + "y" * 201):
        with pytest.raises(UsageProblem):
            parse_tag(wrong)
    with pytest.raises(UsageProblem):
        SessionMeta(synthetic.HEAD, tags={"A": "b"})
    with pytest.raises(UsageProblem):
        SessionMeta(synthetic.HEAD, note="x" * 4001)


def test_the_default_is_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_path().name == "records.db"
    assert tmp_path in default_path().parents


def test_the_database_library_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, podsteam.store; assert 'sqlalchemy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# While it runs.


def test_a_running_session_is_seen_and_left_alone(store: Store) -> None:
    taker = store.begin(META)
    taker.frame(synthetic.bodies([Tele(uptime_ms=20_100)])[0])
    taker.flush()
    with open_store(store.path) as other:
        assert other.list()[0].state == RECORDING
        assert other.list()[0].summary is None
        assert len(other.get(taker.record).record.samples) == 1
    taker.frame(synthetic.bodies([Tele(uptime_ms=20_200)])[0])
    assert taker.finish(STARTED, "The device went away.") == taker.record
    entry = store.get(taker.record).entry
    assert (entry.state, entry.ending, entry.ended) == (CUT_OFF, "The device went away.", STARTED)
    assert len(store.get(taker.record).record.samples) == 2
    assert taker.finish() == taker.record
    with pytest.raises(ValueError, match="finished"):
        taker.frame(b"\x71\0")


def test_an_error_in_the_session_closes_the_record_with_it(store: Store) -> None:
    taker = store.begin(META)
    taker.frame(b"\x71\0")
    with pytest.raises(RuntimeError), taker:
        raise RuntimeError("the sky fell")
    entry = store.get(taker.record).entry
    assert (entry.state, entry.ending) == (CUT_OFF, "the sky fell")


def test_frames_are_committed_within_a_second_without_any_further_call(store: Store) -> None:
    taker = store.begin(META)
    taker.frame(synthetic.bodies([Tele(uptime_ms=20_100)])[0])
    deadline = time.monotonic() + 5
    with open_store(store.path) as other:
        while not other.get(taker.record).record.samples and time.monotonic() < deadline:
            time.sleep(0.05)
        assert other.get(taker.record).record.samples
    taker.finish()


def test_a_locked_store_delays_the_frames_but_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_BUSY_S", 0.05)
    monkeypatch.setattr(writer, "FLUSH_S", 0.05)
    with open_store(tmp_path / "s.db") as store:
        taker = store.begin(META)
        with contextlib.closing(sqlite3.connect(store.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            taker.frame(synthetic.bodies([Tele(uptime_ms=20_100)])[0])
            deadline = time.monotonic() + 5
            while taker.problem is None and time.monotonic() < deadline:
                time.sleep(0.02)
            assert taker.problem is not None and "locked by another program" in str(taker.problem)
            taker.frame(synthetic.bodies([Tele(uptime_ms=20_200)])[0])
            other.execute("ROLLBACK")
        taker.finish()
        assert taker.problem is None
        assert [s.uptime_ms for s in store.get(taker.record).record.samples] == [20_100, 20_200]


def test_a_frame_that_comes_during_a_commit_goes_into_the_next(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    taker = store.begin(META)
    writing = store.writing
    late = iter(synthetic.bodies([Tele(uptime_ms=20_200)]))

    @contextlib.contextmanager
    def slow() -> Iterator[Connection]:
        with writing() as connection:
            for body in late:
                taker.frame(body)
            yield connection

    monkeypatch.setattr(store, "writing", slow)
    taker.frame(synthetic.bodies([Tele(uptime_ms=20_100)])[0])
    taker.flush()
    monkeypatch.undo()
    taker.finish()
    assert [s.uptime_ms for s in store.get(taker.record).record.samples] == [20_100, 20_200]


def test_a_record_closed_by_another_process_goes_on_when_its_writer_wakes(store: Store) -> None:
    """A computer that slept looks dead to others; nothing may be lost when it comes back."""
    taker = store.begin(META)
    taker.frame(synthetic.bodies([Tele(uptime_ms=20_100)])[0])
    taker.flush()
    later = Store(store.path, clock=lambda: datetime.now(UTC) + timedelta(hours=1))
    assert later.list()[0].state == CUT_OFF
    later.close()
    taker.frame(synthetic.bodies([Event(1, 20_200, EventValue.STOPPED, StopValue.DONE)])[0])
    taker.finish()
    stored = store.get(taker.record)
    assert stored.entry.state == COMPLETE
    assert len(stored.record.samples) == 1 and len(stored.record.events) == 1


WRITER = """
import sys, time
sys.path.insert(0, sys.argv[2])
import synthetic
from podsteam.store import SessionMeta, open_store
from podsteam.wire.messages import Tele
taker = open_store(sys.argv[1]).begin(SessionMeta(synthetic.HEAD))
print("ready", flush=True)
while True:
    ms = round(time.monotonic() * 1000) % (1 << 30)
    taker.frame(synthetic.bodies([Tele(uptime_ms=ms)])[0])
    time.sleep(0.01)
"""


def start_writer(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(HERE)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this platform has no SIGKILL")
def test_a_killed_writer_loses_at_most_the_last_second(tmp_path: Path) -> None:
    rng = random.Random(7)
    writers = [start_writer(tmp_path / f"{i}.db") for i in range(4)]
    for process in writers:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(1)
    killed_ms: list[int] = []
    for process in writers:
        time.sleep(rng.uniform(0.05, 0.5))
        killed_ms.append(round(time.monotonic() * 1000) % (1 << 30))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    for i, at_ms in enumerate(killed_ms):
        with open_store(tmp_path / f"{i}.db") as store:
            (entry,) = store.list()
            assert entry.state == CUT_OFF
            assert "process ended" in entry.ending
            record = store.get(entry.id).record
        assert record.head == synthetic.HEAD
        assert record.damaged_bytes == 0
        times = [sample.uptime_ms for sample in record.samples]
        assert times == sorted(times)
        assert (at_ms - times[-1]) % (1 << 30) <= 1000


def test_a_host_that_died_after_the_end_leaves_a_complete_record(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db") as store:
        taker = store.begin(META)
        for body in synthetic.bodies(synthetic.script(1000).messages[1:]):
            taker.frame(body)
        taker.flush()
        later = Store(store.path, clock=lambda: datetime.now(UTC) + timedelta(hours=1))
        assert (later.list()[0].state, later.list()[0].ending) == (COMPLETE, "")
        later.close()
        taker.finish()


def test_two_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    bodies = synthetic.bodies(synthetic.script(1000).messages[1:])
    errors: list[BaseException] = []

    def take() -> None:
        try:
            with open_store(path) as store:
                for _ in range(3):
                    with store.begin(META) as taker:
                        for body in bodies:
                            taker.frame(body)
                        taker.flush()
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with open_store(path) as store:
        entries = store.list()
        assert len(entries) == 12
        assert {entry.state for entry in entries} == {COMPLETE}
        assert len({store.get(entry.id).raw for entry in entries}) == 1


# Files that are not what they should be.


@contextlib.contextmanager
def as_nobody(folder: Path) -> Iterator[None]:
    """Without root's power over file modes; `folder` is made reachable."""
    if os.geteuid() != 0:
        yield
        return
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A store with one record in it."""
    path = tmp_path / "records.db"
    with open_store(path) as store:
        store.add_device_record(META, synthetic.session())
    return path


@posix_only
def test_a_file_that_cannot_be_read(made: Path) -> None:
    made.chmod(0o000)
    with as_nobody(made.parent), pytest.raises(StoreFailed, match="cannot be opened") as caught:
        open_store(made)
    assert caught.value.status == 40 and str(made) in str(caught.value)


@posix_only
def test_a_file_that_cannot_be_written(made: Path) -> None:
    made.chmod(0o444)
    with as_nobody(made.parent), pytest.raises(StoreFailed, match="cannot be written"):
        open_store(made).begin(META)


@posix_only
def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    with as_nobody(tmp_path), pytest.raises(StoreFailed, match="folder cannot be made"):
        open_store(tmp_path / "new" / "s.db")


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="cannot be opened"):
        open_store(tmp_path)


def test_no_store_where_none_may_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="no record store here"):
        open_store(tmp_path / "typo.db", create=False)
    assert not (tmp_path / "typo.db").exists()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary, " * 1000, encoding="utf-8")
    with pytest.raises(StoreFailed, match="is not a record store"):
        open_store(path)
    assert path.read_text(encoding="utf-8").startswith("Dear diary")


def test_a_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE things (x)")
        other.commit()
    with pytest.raises(StoreFailed, match="database of another program"):
        open_store(path)


def test_a_store_of_a_newer_version(made: Path) -> None:
    with contextlib.closing(sqlite3.connect(made)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreFailed, match=r"newer podsteam .schema 99.*update podsteam"):
        open_store(made)


def test_a_store_of_an_older_version_is_brought_up(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def second(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE session ADD COLUMN batch TEXT"))

    monkeypatch.setattr(tables, "STEPS", (*tables.STEPS, second))
    for _ in range(2):
        with open_store(made) as store:
            assert len(store.list()) == 1
    with contextlib.closing(sqlite3.connect(made)) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (len(tables.STEPS),)
        assert other.execute("SELECT batch FROM session").fetchall() == [(None,)]


def test_a_step_that_fails_leaves_the_store_as_it_was(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: Connection) -> None:
        connection.execute(text("DROP TABLE tag"))
        connection.execute(text("SELECT * FROM nothing"))

    with monkeypatch.context() as patch:
        patch.setattr(tables, "STEPS", (*tables.STEPS, broken))
        with pytest.raises(StoreFailed):
            open_store(made)
    with open_store(made) as store:
        assert store.get("last").entry.tags == {"subject": "P07"}


def test_a_damaged_database_is_named(made: Path) -> None:
    size = made.stat().st_size
    with made.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    with pytest.raises(StoreFailed, match="is damaged"), open_store(made) as store:
        store.get("last")


@pytest.mark.parametrize(
    "change", ["blob = x'00'", "blob = x'ffffffff'", "blob = substr(blob, 1, 40)", "sha256 = 'a'", "codec = 'lzma'"]
)
def test_a_damaged_record_is_named_and_spares_the_others(made: Path, change: str) -> None:
    with open_store(made) as store:
        bad = store.list()[0].id
        good = store.add_device_record(META, synthetic.session())
    with contextlib.closing(sqlite3.connect(made)) as other:
        other.execute(f"UPDATE session SET {change} WHERE id = ?", (bad,))
        other.commit()
    with open_store(made) as store:
        with pytest.raises(IntegrityFailed, match=bad):
            store.get(bad)
        assert len(store.list()) == 2
        assert store.get(good).raw == synthetic.session()
