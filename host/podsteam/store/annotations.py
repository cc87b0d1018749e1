# SPDX-License-Identifier: Apache-2.0
"""What is added to a session after it was recorded: tags and notes, each an entry of the chain that stays."""

import getpass
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, insert, select

from podsteam.errors import UsageProblem
from podsteam.store import chain
from podsteam.store.model import Annotation, check_note, check_tag
from podsteam.store.tables import CHAIN, TAG

if TYPE_CHECKING:
    from podsteam.store.database import Store


def account() -> str:
    """The account's name, "" where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


def annotate(store: "Store", record: str, tags: Mapping[str, str | None], note: str = "") -> str:
    """Add tags and a note to a session, by its id or `last`; a tag whose value is None is taken away. Returns the id.

    Raises UsageProblem for a tag or note that the store does not take, and when there is nothing to add.
    """
    if not tags and not note:
        raise UsageProblem("There is nothing to add; give --tag NAME=VALUE, --untag NAME or --note TEXT.")
    for name, value in tags.items():
        check_tag(name, "-" if value is None else value)
    check_note(note)
    with store.writing() as connection:
        key = store.find(connection, record.strip().lower())
        body = {"by": account(), "tags": dict(tags), "note": note}
        chain.append(connection, chain.ANNOTATION, key, store.now_us(), body)
        put_tags(connection, key, tags)
    return key


def put_tags(connection: Connection, record: str, tags: Mapping[str, str | None]) -> None:
    """Bring the table of tags up to date."""
    for name, value in tags.items():
        connection.execute(delete(TAG).where(TAG.c.record == record, TAG.c.name == name))
        if value is not None:
            connection.execute(insert(TAG).values(record=record, name=name, value=value))


def of(connection: Connection, record: str) -> tuple[Annotation, ...]:
    """A session's annotations in order of time, whichever store they were made in. What is damaged is left out:
    `records verify` names it."""
    query = select(CHAIN.c.at_us, CHAIN.c.body).where(CHAIN.c.kind == chain.ANNOTATION, CHAIN.c.subject == record)
    found: list[Annotation] = []
    for at_us, body in connection.execute(query.order_by(CHAIN.c.at_us, CHAIN.c.store, CHAIN.c.number)):
        try:
            found.append(_read(at_us, json.loads(body)))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return tuple(found)


def _read(at_us: int, body: dict[str, Any]) -> Annotation:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    return Annotation(at, str(body["by"]), dict(body["tags"]), str(body["note"]))
