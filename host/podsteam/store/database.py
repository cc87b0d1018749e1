# SPDX-License-Identifier: Apache-2.0
"""The store itself: sessions in, sessions out. Opened by `podsteam.store.open_store`."""

import os
import platform
import re
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from podsteam.errors import IntegrityFailed, StoreFailed, UsageProblem
from podsteam.recap import Summary
from podsteam.record import decode
from podsteam.store import annotations, blob, chain, engine, place
from podsteam.store.model import COMPLETE, CUT_OFF, DEVICE, LIVE, RECORDING, Entry, SessionMeta, Stored
from podsteam.store.tables import PENDING, SESSION, TAG
from podsteam.store.writer import SessionWriter, writer_gone
from podsteam.text import safe
from podsteam.wire.messages import CapBits, Program
from podsteam_protocol import frame

_SUMMARY = tuple(name for name in Summary._fields if name in SESSION.c)
"""What of a summary has a column; the rest is worked out from the frames."""
_ROW = tuple(column for column in SESSION.c if column.name != "blob")
_TIMES = ("started_us", "started_offset_s", "stored_us", "ended_us")
_PLAIN = tuple(name for name in Entry._fields if name in SESSION.c)
_ENTRY = (*_TIMES, *_PLAIN, *_SUMMARY)
"""The columns of an entry, in the order in which it is made: a list has many rows, and their places cost less than
their names."""
_BEGUN = func.coalesce(SESSION.c.started_us, SESSION.c.stored_us)
_LIST = select(*(SESSION.c[name] for name in _ENTRY), _BEGUN)
_TAGS = select(TAG).order_by(TAG.c.name)
_ID = _ENTRY.index("id")
_STATE = _ENTRY.index("state")
_PLAIN_AT = len(_TIMES)
_SUMMARY_AT = len(_TIMES) + len(_PLAIN)
_WORKED_OUT = tuple(Summary._field_defaults.values())
"""What of a summary has no column, where the frames are not looked at."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOST = "The recording process ended before the session did."


def _now() -> datetime:
    return datetime.now(UTC)


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


@cache
def _epoch(offset_s: int) -> datetime:
    """The beginning of 1970 in UTC, as clocks of that offset showed it. There are few offsets."""
    return _EPOCH.astimezone(timezone(timedelta(seconds=offset_s)))


def _moment(us: int | None, offset_s: int | None = 0) -> datetime | None:
    if us is None:
        return None
    # In the order days, seconds, microseconds: their names would take longer than the sum.
    return (_epoch(offset_s) if offset_s else _EPOCH) + timedelta(0, 0, us)


def _new_id() -> str:
    """Random, 46 bits. It begins with a letter, so that no spreadsheet takes an id for a number."""
    return secrets.choice("abcdef") + secrets.token_hex(6)[1:]


class Store:
    """A store of session records. Every method raises StoreFailed when the file cannot be read or written."""

    def __init__(self, path: Path, clock: Callable[[], datetime] = _now) -> None:
        """Open or make the file. `clock` gives the wall-clock time with its zone."""
        self.path = path.absolute()
        self._clock = clock
        place.check(self.path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise StoreFailed(f"{self.path.parent}: the store's folder cannot be made ({e.strerror or e}).") from e
        self._engine = engine.connect(self.path)
        self._reader = engine.reader(self._engine)
        try:
            with engine.guarded(self.path):
                engine.prepare(self._engine, self.path)
            self._close_dead()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the file back. Records that are still being taken must be finished before."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Taking records.

    def begin(self, meta: SessionMeta) -> SessionWriter:
        """Start to record a session: its row is there from now on, and it begins with the head's frame."""
        first = frame.encode(meta.head.ID, 0, meta.head.pack())
        record = _new_id()
        with self.writing() as connection:
            connection.execute(insert(SESSION).values(self._row(record, meta, LIVE, RECORDING)))
            connection.execute(insert(PENDING).values(record=record, chunk=0, data=first))
            self._put_tags(connection, record, meta.tags)
            identity = {"uid": meta.head.uid.hex(), "boot_id": meta.head.boot_id, "session": meta.head.session}
            chain.append(connection, chain.BEGUN, record, self.now_us(), {**identity, "tags": dict(meta.tags)})
        return SessionWriter(self, record)

    def add_device_record(self, meta: SessionMeta, raw: bytes, *, source: str = DEVICE, record: str = "") -> str:
        """Keep a whole record: one that the device took itself, `raw` as the device gave it, or another `source`'s.
        Returns its id, which may be given."""
        summary = decode(raw).summary
        codec, packed, sha256 = blob.pack(raw)
        record = record or _new_id()
        row = self._row(record, meta, source, COMPLETE if summary.complete else CUT_OFF)
        row |= {"codec": codec, "blob": packed, "sha256": sha256, "raw_bytes": len(raw)}
        row |= {"ended_us": self.now_us(), **{name: getattr(summary, name) for name in _SUMMARY}}
        with self.writing() as connection:
            connection.execute(insert(SESSION).values(row))
            self._put_tags(connection, record, meta.tags)
            self._seal(connection, record)
        return record

    def has_device_record(self, uid_hex: str, boot_id: int, session: int) -> bool:
        """Whether pulling this session would bring nothing new: the device's own record of it is here, or
        one that was taken live up to the session's end."""
        same = (SESSION.c.uid == uid_hex.lower()) & (SESSION.c.boot_id == boot_id) & (SESSION.c.session == session)
        whole = (SESSION.c.source == DEVICE) | (SESSION.c.state == COMPLETE)
        with self.reading() as connection:
            return connection.execute(select(SESSION.c.id).where(same & whole).limit(1)).first() is not None

    # Reading them.

    def list(self) -> list[Entry]:
        """Every session, the newest first."""
        with self.reading() as connection:
            rows = connection.execute(_LIST).all()
            tags: dict[str, dict[str, str]] = {}
            for record, name, value in connection.execute(_TAGS):
                tags.setdefault(record, {})[name] = value
        # Here and not by the query: SQLite would carry every column of every row through its sorter.
        rows = sorted(sorted(rows, key=itemgetter(_ID)), key=itemgetter(len(_ENTRY)), reverse=True)
        return [_entry(row, tags.get(row[_ID], {})) for row in rows]

    def get(self, record: str) -> Stored:
        """A session with its frames, by its id, the beginning of its id, or `last`.

        Raises UsageProblem when none or several match, IntegrityFailed when its frames are damaged.
        """
        with self.reading() as connection:
            key = self.find(connection, record.strip().lower())
            row = connection.execute(select(SESSION).where(SESSION.c.id == key)).mappings().one()
            tags = {name: value for _, name, value in connection.execute(select(TAG).where(TAG.c.record == key))}
            raw = frames(connection, row)
            added = annotations.of(connection, key)
            _, head = chain.head(connection)
        return Stored(_entry([row[name] for name in _ENTRY], tags), raw, added, head)

    def find(self, connection: Connection, record: str) -> str:
        """The id that `record` stands for."""
        query = select(SESSION.c.id)
        if record == "last":
            query = query.order_by(_BEGUN.desc(), SESSION.c.id).limit(1)
        elif re.fullmatch(r"[0-9a-f]{1,12}", record):
            query = query.where(SESSION.c.id.startswith(record)).order_by(SESSION.c.id).limit(6)
        else:
            raise UsageProblem(f"'{safe(record, 40)}' is no record id; an id has 12 of 0-9 and a-f, or is 'last'.")
        found = list(connection.execute(query).scalars())
        if not found:
            raise UsageProblem(f"There is no record '{record}' in {self.path}.")
        if len(found) > 1:
            raise UsageProblem(f"Several records begin with '{record}': {', '.join(found[:5])}; give more of the id.")
        return found[0]

    # For the writer.

    def now(self) -> datetime:
        """The wall-clock time, with its zone."""
        return self._clock()

    def now_us(self) -> int:
        """The wall-clock time in microseconds since 1970."""
        return _us(self._clock())

    @contextmanager
    def writing(self) -> Generator[Connection, None, None]:
        """A write transaction: committed at the end, rolled back by an exception."""
        with engine.guarded(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Generator[Connection, None, None]:
        """A transaction that only reads, and sees the store as it is at this moment."""
        with engine.guarded(self.path), self._reader.connect() as connection:
            yield connection

    def fold(self, record: str, ended: datetime | None, ending: str, *, only_gone: bool = False) -> None:
        """Fold a session's pending frames into its row and close it. `only_gone`: unless it was closed
        meanwhile, or its writer lives."""
        with self.writing() as connection:
            row = connection.execute(select(SESSION).where(SESSION.c.id == record)).mappings().one()
            if only_gone and not (row["state"] == RECORDING and self._gone(row)):
                return
            raw = frames(connection, row)
            summary = decode(raw).summary
            codec, packed, sha256 = blob.pack(raw)
            closed = {
                "state": COMPLETE if summary.complete else CUT_OFF,
                "ended_us": _us(ended) if ended else self.now_us(),
                "ending": "" if summary.complete and only_gone else ending,
                **{"codec": codec, "blob": packed, "sha256": sha256, "raw_bytes": len(raw)},
                **{name: getattr(summary, name) for name in _SUMMARY},
            }
            connection.execute(update(SESSION).where(SESSION.c.id == record).values(closed))
            connection.execute(delete(PENDING).where(PENDING.c.record == record))
            self._seal(connection, record)

    def _seal(self, connection: Connection, record: str) -> None:
        row = connection.execute(select(*_ROW).where(SESSION.c.id == record)).mappings().one()
        chain.seal(connection, row, self.now_us())

    def _close_dead(self) -> None:
        """Close the sessions whose writers are gone."""
        with self.reading() as connection:
            open_rows = connection.execute(select(*_ROW).where(SESSION.c.state == RECORDING)).mappings().all()
        for row in open_rows:
            if self._gone(row):
                # A damaged row stays as it is: `get` names it, and the others must not suffer.
                with suppress(IntegrityFailed):
                    self.fold(row["id"], _moment(row["heartbeat_us"]), _LOST, only_gone=True)

    def _gone(self, row: RowMapping) -> bool:
        return writer_gone(row["writer_host"], row["writer_pid"], row["heartbeat_us"], self.now_us())

    def _row(self, record: str, meta: SessionMeta, source: str, state: str) -> dict[str, Any]:
        head = meta.head
        program = Program.unpack(head.program).name if head.program else b""
        codec, packed, sha256 = blob.pack(b"")
        offset = meta.started.utcoffset() if meta.started else None
        started = meta.started or (datetime.fromtimestamp(head.started_unix, UTC) if head.started_unix else None)
        return {
            "id": record,
            "state": state,
            "source": source,
            "uid": head.uid.hex(),
            "boot_id": head.boot_id,
            "session": head.session,
            "by_host": bool(head.by_host),
            "simulated": bool(head.caps & CapBits.SIMULATED),
            "firmware": f"{head.firmware_major}.{head.firmware_minor}.{head.firmware_patch}",
            "firmware_hash": head.firmware_hash.hex(),
            "program": program.split(b"\0", 1)[0].decode("utf-8", "backslashreplace"),
            "podlet": head.podlet,
            "podlet_uid": head.podlet_uid.hex() if any(head.podlet_uid) else "",
            "port": meta.port,
            "started_us": _us(started) if started else None,
            "started_offset_s": round(offset.total_seconds()) if offset else 0,
            "stored_us": self.now_us(),
            "ending": "",
            "note": meta.note,
            "writer_host": platform.node(),
            "writer_pid": os.getpid(),
            "heartbeat_us": self.now_us(),
            **{"codec": codec, "blob": packed, "sha256": sha256, "raw_bytes": 0},
        }

    @staticmethod
    def _put_tags(connection: Connection, record: str, tags: Mapping[str, str]) -> None:
        for name, value in tags.items():
            connection.execute(insert(TAG).values(record=record, name=name, value=value))


def frames(connection: Connection, row: RowMapping) -> bytes:
    """What is folded already and what is pending. Raises IntegrityFailed."""
    try:
        raw = blob.unpack(row["codec"], row["blob"], row["sha256"])
    except IntegrityFailed as e:
        raise IntegrityFailed(f"Record {row['id']}: {e}.") from e
    pending = select(PENDING.c.data).where(PENDING.c.record == row["id"]).order_by(PENDING.c.chunk)
    return raw + b"".join(connection.execute(pending).scalars())


def _entry(row: Sequence[Any], tags: Mapping[str, str]) -> Entry:
    """A row that begins with `_ENTRY`'s columns."""
    started_us, offset_s, stored_us, ended_us = row[:_PLAIN_AT]
    state = row[_STATE]
    recap = None
    if state != RECORDING:
        recap = Summary._make((state == COMPLETE, *row[_SUMMARY_AT : len(_ENTRY)], *_WORKED_OUT))
    made = (_moment(started_us, offset_s), _moment(stored_us), _moment(ended_us), tags, recap)
    return Entry._make((*row[_PLAIN_AT:_SUMMARY_AT], *made))
