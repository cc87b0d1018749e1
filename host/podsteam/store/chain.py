# SPDX-License-Identifier: Apache-2.0
"""The chain: everything that a store was told, in order, each entry sealed by a hash that contains the last one's.

    hash = SHA-256 of the JSON list [hash before, store, number, kind, subject, at_us, body]

So a changed, missing or moved entry does not fit its neighbours. A session is sealed by an entry that repeats its
row and the SHA-256 of its frames; what is added to it later (annotations) is an entry of its own. Whoever can write
the file can also write a new chain from its beginning: against that only a hash that was noted elsewhere helps
(`podsteam records verify --head`), which is why reports print it.
"""

import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from podsteam.store.tables import ABOUT, CHAIN, SESSION, TAG

STORE = "store"
"""A chain's first entry."""
BEGUN = "begun"
"""A session's recording began."""
SESSION_KIND = "session"
"""A session's row and frames, once they are whole."""
ANNOTATION = "annotation"
MERGED = "merge"
FACTS = ("device", "podlet", "batch", "calibration", "config", "production")
"""Kinds of entries that say what is known of something that is no session."""

_OF_THE_WRITER = {"blob", "codec", "writer_host", "writer_pid", "heartbeat_us"}
"""Columns that a seal leaves out: how the frames are kept, and who records."""
NOTHING = "0" * 64
"""The hash before the first entry."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of a chain."""

    store: str
    number: int
    """From 1."""
    kind: str
    subject: str
    """What it is about: a record's id, a unit, a batch."""
    at_us: int
    body: str
    """JSON."""
    hash: str

    def data(self) -> Json:
        """The body. Raises ValueError when it is none of ours."""
        found = json.loads(self.body)
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
        return found  # pyright: ignore[reportUnknownVariableType]


def canonical(value: Any) -> str:
    """JSON in its one form here: keys sorted, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def hash_of(before: str, link: Link) -> str:
    """What the entry's hash must be after the entry whose hash is `before`."""
    sealed = [before, link.store, link.number, link.kind, link.subject, link.at_us, link.body]
    return hashlib.sha256(canonical(sealed).encode()).hexdigest()


def own(connection: Connection) -> str:
    """The store's identity."""
    return connection.execute(select(ABOUT.c.value).where(ABOUT.c.name == "store")).scalar_one()


def head(connection: Connection, store: str = "") -> tuple[int, str]:
    """(number, hash) of the last entry of a chain, by default the store's own."""
    query = select(CHAIN.c.number, CHAIN.c.hash).where(CHAIN.c.store == (store or own(connection)))
    row = connection.execute(query.order_by(CHAIN.c.number.desc()).limit(1)).first()
    return (row[0], row[1]) if row else (0, NOTHING)


def append(connection: Connection, kind: str, subject: str, at_us: int, body: Mapping[str, Any]) -> Link:
    """Add an entry to the store's own chain, in the caller's transaction."""
    store = own(connection)
    number, before = head(connection, store)
    link = Link(store, number + 1, kind, subject, at_us, canonical(body), "")
    link = Link(store, number + 1, kind, subject, at_us, link.body, hash_of(before, link))
    put(connection, link)
    return link


def put(connection: Connection, link: Link) -> None:
    """Store an entry as it is."""
    connection.execute(insert(CHAIN).values({name: getattr(link, name) for name in CHAIN.c.keys()}))  # noqa: SIM118


def links(connection: Connection, store: str = "") -> Iterator[Link]:
    """The entries of a chain in order; those of every chain, one chain after the other, by default."""
    query = select(CHAIN).order_by(CHAIN.c.store, CHAIN.c.number)
    if store:
        query = query.where(CHAIN.c.store == store)
    for row in connection.execute(query).mappings():
        yield Link(**row)


def seal_of(row: RowMapping, tags: Mapping[str, str]) -> Json:
    """What an entry says of a session: its row as it is now, and the tags that it was begun with."""
    kept = {name: row[name] for name in SESSION.c.keys() if name not in _OF_THE_WRITER and name in row}  # noqa: SIM118
    return {"row": kept, "tags": dict(tags)}


def seal(connection: Connection, row: RowMapping, at_us: int) -> None:
    """Seal a session whose recording has ended. A later seal of the same session takes the place of this one."""
    first = connection.execute(
        select(CHAIN.c.body).where(CHAIN.c.kind == BEGUN, CHAIN.c.subject == row["id"]).limit(1)
    ).scalar()
    if first is not None:
        tags = json.loads(first).get("tags", {})
    else:
        found = connection.execute(select(TAG.c.name, TAG.c.value).where(TAG.c.record == row["id"]))
        tags = {name: value for name, value in found}
    append(connection, SESSION_KIND, row["id"], at_us, seal_of(row, tags))


def begin(connection: Connection) -> None:
    """Give a store its identity and its chain; sessions that are there already are sealed as they are."""
    store = secrets.token_hex(8)
    now_us = time.time_ns() // 1000
    connection.execute(insert(ABOUT).values(name="store", value=store))
    append(connection, STORE, store, now_us, {"made": now_us})
    when = SESSION.c.stored_us
    columns = [column for column in SESSION.c if column.name != "blob"]
    for row in connection.execute(select(*columns).order_by(when, SESSION.c.id)).mappings().all():
        # One that is still being recorded is sealed when it ends.
        if row["state"] != "recording":
            seal(connection, row, now_us)
