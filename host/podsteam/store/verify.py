# SPDX-License-Identifier: Apache-2.0
"""Whether a store is as it was written: every chain whole, every session as it was sealed, every tag accounted for.

Found: entries changed, taken out or moved; sessions changed, taken out or slipped in; frames changed. What cannot be
found without an anchor from outside: a chain that ends early together with everything that its last entries were
about, and a store that was written anew from the beginning.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, select

from podsteam.errors import IntegrityFailed
from podsteam.store import blob, chain
from podsteam.store.model import RECORDING
from podsteam.store.tables import CHAIN, FACT, PENDING, SESSION, TAG

if TYPE_CHECKING:
    from podsteam.store.database import Store

_OF_SESSIONS = (chain.BEGUN, chain.SESSION_KIND, chain.ANNOTATION)
_IDENTITY = ("uid", "boot_id", "session")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written."""

    record: str
    """The session's id, "": it is about none."""
    text: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of one chain."""

    store: str
    own: bool
    entries: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the whole store found."""

    sessions: int
    heads: tuple[Head, ...]
    findings: tuple[Finding, ...]


class _Chains:
    """What the chains say, and what is wrong with them."""

    def __init__(self, own: str) -> None:
        self.own = own
        self.findings: list[Finding] = []
        self.heads: dict[str, Head] = {}
        self.hashes: set[str] = set()
        self.begun: dict[str, dict[str, Any]] = {}
        self.seals: dict[str, list[dict[str, Any]]] = {}
        self.where: dict[str, chain.Link] = {}
        self.annotations: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self.facts: dict[tuple[str, str, int], str] = {}
        self._number = 0
        self._before = chain.NOTHING
        self._store = ""

    def take(self, link: chain.Link) -> None:
        """The next entry."""
        if link.store != self._store:
            self._store, self._number, self._before = link.store, 0, chain.NOTHING
        about = f"entry {link.number} ({_about(link)}) of chain {link.store}"
        record = link.subject if link.kind in _OF_SESSIONS else ""
        if link.number != self._number + 1:
            lacks = f"{self._number + 1}" if link.number == self._number + 2 else f"{self._number + 1} and more"
            self.findings.append(Finding(record, f"Before {about} something was taken out: entry {lacks} is missing."))
        elif chain.hash_of(self._before, link) != link.hash:
            self.findings.append(Finding(record, f"Entry {about.removeprefix('entry ')} was changed or moved."))
        self._number, self._before = link.number, link.hash
        self.hashes.add(link.hash)
        self.heads[link.store] = Head(link.store, link.store == self.own, link.number, link.hash)
        self.remember(link)

    def remember(self, link: chain.Link) -> None:
        """What an entry says of a session."""
        if link.kind in chain.FACTS:
            self.facts[link.kind, link.subject, link.at_us] = link.body
        if link.kind not in _OF_SESSIONS:
            return
        try:
            body = link.data()
        except ValueError:
            return
        self.where.setdefault(link.subject, link)
        if link.kind == chain.BEGUN:
            self.begun[link.subject] = body
        elif link.kind == chain.SESSION_KIND:
            self.seals.setdefault(link.subject, []).append(body)
        else:
            self.annotations.setdefault(link.subject, []).append((link.at_us, body))

    def tags(self, record: str) -> dict[str, str]:
        """The tags that a session must have."""
        found: dict[str, str | None] = {}
        for first in self.seals.get(record) or [self.begun.get(record, {})]:
            found.update(first.get("tags", {}))
        for _, body in sorted(self.annotations.get(record, []), key=lambda each: each[0]):
            found.update(body.get("tags", {}))
        return {name: value for name, value in found.items() if value is not None}


def _about(link: chain.Link) -> str:
    return f"{link.kind} {link.subject}"


def verify(store: "Store", anchor: str = "") -> Verified:
    """Check everything. `anchor` is a hash noted earlier, which must still be in a chain."""
    with store.reading() as connection:
        chains = _Chains(chain.own(connection))
        for link in chain.links(connection):
            chains.take(link)
        if not chains.heads.get(chains.own):
            chains.findings.append(Finding("", "The store's own chain is missing."))
        tags: dict[str, dict[str, str]] = {}
        for record, name, value in connection.execute(select(TAG)):
            tags.setdefault(record, {})[name] = value
        ids = list(connection.execute(select(SESSION.c.id).order_by(SESSION.c.id)).scalars())
        for record in ids:
            chains.findings += _session(connection, record, chains, tags.get(record, {}))
        chains.findings += _facts(connection, chains)
    for record, link in chains.where.items():
        # What another store was still recording when it was merged comes with a later merge.
        awaited = link.store != chains.own and record not in chains.seals
        if record not in ids and not awaited:
            text = f"Record {record} was taken out; entry {link.number} of chain {link.store} tells of it."
            chains.findings.append(Finding(record, text))
    if anchor and anchor not in chains.hashes:
        text = f"No entry has the hash {anchor}: entries were taken out at the end, or everything was written anew."
        chains.findings.append(Finding("", text))
    heads = sorted(chains.heads.values(), key=lambda head: (not head.own, head.store))
    return Verified(len(ids), tuple(heads), tuple(chains.findings))


def tags_of(connection: Connection, record: str) -> dict[str, str]:
    """The tags that the chains give a session."""
    chains = _Chains("")
    query = select(CHAIN).where(CHAIN.c.subject == record).order_by(CHAIN.c.store, CHAIN.c.number)
    for row in connection.execute(query).mappings():
        chains.remember(chain.Link(**row))
    return chains.tags(record)


def _facts(connection: Connection, chains: _Chains) -> Iterable[Finding]:
    """What is known besides sessions, against the chains."""
    there = {(row[0], row[1], row[2]): row[3] for row in connection.execute(select(FACT))}
    for key in sorted({*there, *chains.facts}):
        if there.get(key) != chains.facts.get(key):
            yield Finding("", f"What is noted of {key[0]} {key[1]} is not as it was written.")


def _session(connection: Connection, record: str, chains: _Chains, tags: Mapping[str, str]) -> Iterable[Finding]:
    """What is wrong with one session."""
    row = connection.execute(select(SESSION).where(SESSION.c.id == record)).mappings().one()
    seals, begun = chains.seals.get(record, []), chains.begun.get(record)
    if not seals and (begun is None or row["state"] != RECORDING):
        yield Finding(record, f"Record {record} was slipped in: no entry of a chain tells of it.")
        return
    if begun is not None and any(begun.get(name) != row[name] for name in _IDENTITY):
        yield Finding(record, f"Record {record} was changed: it was begun as another session.")
    try:
        raw = blob.unpack(row["codec"], row["blob"], row["sha256"])
    except IntegrityFailed as e:
        yield Finding(record, f"Record {record} was changed: {e}.")
        raw = None
    if seals and row["state"] != RECORDING:
        yield from _against(record, row, seals)
        pending = connection.execute(select(PENDING.c.chunk).where(PENDING.c.record == record).limit(1)).first()
        if pending is not None:
            yield Finding(record, f"Record {record} was changed: frames were added after its end.")
    if raw is not None:
        yield from _growth(record, raw, seals)
    if tags != chains.tags(record):
        names = sorted(
            name for name in {*tags, *chains.tags(record)} if tags.get(name) != chains.tags(record).get(name)
        )
        yield Finding(record, f"Record {record}: the tag {', '.join(names)} is not as it was set.")


def _against(record: str, row: RowMapping, seals: list[dict[str, Any]]) -> Iterable[Finding]:
    """The row against its seals, column by column; one must fit, for a session can come here by two ways."""
    now = json.loads(chain.canonical(chain.seal_of(row, {})["row"]))
    changed: list[str] = []
    for seal in seals:
        sealed = seal.get("row", {})
        changed = sorted(name for name, value in sealed.items() if now.get(name) != value)
        if not changed:
            return
    yield Finding(record, f"Record {record} was changed after it was sealed: {', '.join(changed)}.")


def _growth(record: str, raw: bytes, seals: list[dict[str, Any]]) -> Iterable[Finding]:
    """A session that was sealed twice may only have grown."""
    for seal in seals[:-1]:
        row, last = seal.get("row", {}), seals[-1].get("row", {})
        size, sha256 = row.get("raw_bytes", 0), row.get("sha256", "")
        same = all(row.get(name) == last.get(name) for name in _IDENTITY)
        if not same or hashlib.sha256(raw[:size]).hexdigest() != sha256:
            yield Finding(record, f"Record {record} was sealed anew with other frames than before.")
