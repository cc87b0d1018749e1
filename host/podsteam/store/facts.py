# SPDX-License-Identifier: Apache-2.0
"""What a store knows besides sessions: devices, podlets, batches, calibrations, settings, production tests; each from a
moment on, until the next."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from podsteam.errors import UsageProblem
from podsteam.store import chain
from podsteam.store.tables import FACT
from podsteam.text import safe, whole

if TYPE_CHECKING:
    from podsteam.store.database import Store

_MAX_SUBJECT = 64
_MAX_VALUE = 20_000


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of one thing since a moment."""

    kind: str
    """One of `chain.FACTS`."""
    subject: str
    """A unit's address, a podlet's, a batch's name."""
    since: datetime
    value: Mapping[str, Any]


def note(store: "Store", kind: str, subject: str, value: Mapping[str, Any]) -> bool:
    """Note what is known now; False: it was known already. Raises UsageProblem when it does not fit."""
    if kind not in chain.FACTS:
        raise UsageProblem(f"'{kind}' is nothing that a store keeps; it keeps {', '.join(chain.FACTS)}.")
    text = chain.canonical(value)
    if not 0 < len(subject) <= _MAX_SUBJECT:
        raise UsageProblem(f"The name of a {kind} has 1 to {_MAX_SUBJECT} characters.")
    if not whole(subject):
        raise UsageProblem(f"The name of a {kind} is no whole text: it has half a character.")
    if len(text) > _MAX_VALUE:
        raise UsageProblem(f"What is noted of {kind} '{safe(subject, 20)}' takes {len(text)} bytes; {_MAX_VALUE} fit.")
    with store.writing() as connection:
        mine = (FACT.c.kind == kind) & (FACT.c.subject == subject)
        newest = connection.execute(select(FACT.c.value).where(mine).order_by(FACT.c.since_us.desc()).limit(1)).scalar()
        # A production test counts each time it is done; of the rest only a change is news.
        if newest == text and kind != "production":
            return False
        latest = connection.execute(select(func.max(FACT.c.since_us)).where(mine)).scalar() or 0
        since_us = max(store.now_us(), latest + 1)
        chain.append(connection, kind, subject, since_us, value)
        connection.execute(insert(FACT).values(kind=kind, subject=subject, since_us=since_us, value=text))
    return True


def facts(store: "Store", kind: str, subject: str = "") -> list[Fact]:
    """Everything that is known of a kind, by subject and time."""
    query = select(FACT).where(FACT.c.kind == kind).order_by(FACT.c.subject, FACT.c.since_us)
    if subject:
        query = query.where(FACT.c.subject == subject)
    with store.reading() as connection:
        rows = connection.execute(query).mappings().all()
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    found: list[Fact] = []
    for row in rows:
        since = epoch + timedelta(microseconds=row["since_us"])
        found.append(Fact(kind, row["subject"], since, json.loads(row["value"])))
    return found
