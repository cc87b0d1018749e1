# SPDX-License-Identifier: Apache-2.0
"""Stores brought together, and copied: each keeps its chain as it was written."""

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select

from podsteam.errors import IntegrityFailed, StoreFailed, UsageProblem
from podsteam.store import chain, engine
from podsteam.store.model import RECORDING
from podsteam.store.tables import FACT, SESSION, TAG
from podsteam.store.verify import verify

if TYPE_CHECKING:
    from podsteam.store.database import Store


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge brought."""

    sessions: int
    had: int
    """Sessions that were here already."""
    entries: int
    """Entries of chains."""


def merge(store: "Store", other: "Store") -> Merged:
    """Take everything of `other` that is not here, in one transaction.

    Raises IntegrityFailed when the other store does not pass its own check, or when both hold a chain of one identity
    that went different ways; nothing is taken then.
    """
    checked = verify(other)
    if checked.findings:
        first = checked.findings[0].text
        raise IntegrityFailed(f"{other.path} is not taken over, because it fails its check: {first}")
    with other.reading() as theirs, store.writing() as connection:
        own = chain.own(connection)
        taken = [link for head in checked.heads for link in _new_links(theirs, connection, head.store, own)]
        for link in taken:
            chain.put(connection, link)
        sessions, had = _sessions(theirs, connection)
        _facts(theirs, connection)
        _tags(connection, {link.subject for link in taken} | sessions)
        if taken or sessions:
            of = {head.store: {"entries": head.entries, "head": head.hash} for head in checked.heads}
            chain.append(connection, chain.MERGED, checked.heads[0].store, store.now_us(), {"chains": of})
    return Merged(len(sessions), had, len(taken))


def _new_links(theirs: Connection, connection: Connection, store: str, own: str) -> list[chain.Link]:
    """The entries of a chain that follow on those that are here."""
    here = {link.number: link.hash for link in chain.links(connection, store)}
    fresh: list[chain.Link] = []
    for link in chain.links(theirs, store):
        if link.number not in here:
            fresh.append(link)
        elif here[link.number] != link.hash:
            raise IntegrityFailed(
                f"Both stores hold chain {store}, and from entry {link.number} on it went different ways; one of them"
                " is a copy that was written to. Nothing was taken."
            )
    if fresh and store == own:
        raise IntegrityFailed(
            f"The other store is a later copy of this one (chain {store}); use that one instead. Nothing was taken."
        )
    return fresh


def _sessions(theirs: Connection, connection: Connection) -> tuple[set[str], int]:
    here = set(connection.execute(select(SESSION.c.id)).scalars())
    taken: set[str] = set()
    had = 0
    finished = select(SESSION).where(SESSION.c.state != RECORDING).order_by(SESSION.c.stored_us, SESSION.c.id)
    for row in theirs.execute(finished).mappings():
        if row["id"] in here:
            had += 1
        else:
            connection.execute(insert(SESSION).values(dict(row)))
            taken.add(row["id"])
    return taken, had


def _facts(theirs: Connection, connection: Connection) -> None:
    key = (FACT.c.kind, FACT.c.subject, FACT.c.since_us)
    here = {tuple(row) for row in connection.execute(select(*key))}
    for row in theirs.execute(select(FACT)).mappings():
        if (row["kind"], row["subject"], row["since_us"]) not in here:
            connection.execute(insert(FACT).values(dict(row)))


def _tags(connection: Connection, records: set[str]) -> None:
    """Work the tags of these sessions out of the chains again."""
    from podsteam.store.verify import tags_of

    for record in records & set(connection.execute(select(SESSION.c.id)).scalars()):
        connection.execute(delete(TAG).where(TAG.c.record == record))
        for name, value in tags_of(connection, record).items():
            connection.execute(insert(TAG).values(record=record, name=name, value=value))


def backup(store: "Store", path: Path, overwrite: bool = False) -> None:
    """Copy the store to a file while it is in use. The copy appears whole or not at all.

    Raises UsageProblem when the file is there already and `overwrite` is off, StoreFailed when it cannot be written.
    """
    if path.exists() and not overwrite:
        raise UsageProblem(f"{path}: is there already; choose another name, or add --overwrite.")
    if path.absolute() == store.path:
        raise UsageProblem(f"{path}: is the store itself; choose another name.")
    part = path.with_name(f".{path.name}.part")
    try:
        with engine.guarded(store.path), closing(sqlite3.connect(store.path)) as source:
            with suppress(FileNotFoundError):
                part.unlink()
            with closing(sqlite3.connect(part)) as target:
                source.backup(target)
        part.replace(path)
    except OSError as e:
        raise StoreFailed(f"{path}: the copy cannot be written ({e.strerror or e}).") from e
    finally:
        for each in (part, Path(f"{part}-wal"), Path(f"{part}-shm")):
            with suppress(OSError):
                os.unlink(each)
