# SPDX-License-Identifier: Apache-2.0
"""The store's tables, and the steps from one schema version to the next.

Times are microseconds since 1970 in UTC. `pending` holds the frames of a session that is being recorded, a
chunk for each flush; they are folded into the row's blob when it ends. `chain` is what makes the rest checkable
(`chain.py`): `tag` and `fact` only repeat it in a form that is quick to ask.
"""

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

APPLICATION_ID = 0x706F6473
"""`pods`: marks the SQLite file as ours."""

METADATA = MetaData()

SESSION = Table(
    "session",
    METADATA,
    Column("id", String(12), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("uid", String(12), nullable=False),
    Column("boot_id", BigInteger, nullable=False),
    Column("session", Integer, nullable=False),
    Column("by_host", Boolean, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("firmware", String(32), nullable=False),
    Column("firmware_hash", String(16), nullable=False),
    Column("program", Text, nullable=False),
    Column("podlet", Integer, nullable=False),
    Column("podlet_uid", String(14), nullable=False),
    Column("port", Text, nullable=False),
    Column("started_us", BigInteger),
    Column("started_offset_s", Integer),
    Column("stored_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Column("ending", Text, nullable=False),
    Column("note", Text, nullable=False),
    # Of the recording process, to tell whether it still lives.
    Column("writer_host", Text, nullable=False),
    Column("writer_pid", Integer, nullable=False),
    Column("heartbeat_us", BigInteger, nullable=False),
    # The summary; empty while recording.
    Column("duration_s", Float),
    Column("time_to_steam_s", Float),
    Column("steam_s", Float),
    Column("steam_mg", Integer),
    Column("steam_rate_mg_min", Integer),
    Column("energy_j", Integer),
    Column("doses", Integer),
    Column("doses_refused", Integer),
    Column("dosed_nl", BigInteger),
    Column("stop_reason", Integer),
    Column("fault", Integer),
    Column("max_wall_cdeg", Integer),
    Column("max_water_cdeg", Integer),
    Column("max_outlet_cdeg", Integer),
    # The frames.
    Column("codec", String(16), nullable=False),
    Column("raw_bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("blob", LargeBinary, nullable=False),
    Index("session_identity", "uid", "boot_id", "session"),
)

PENDING = Table(
    "pending",
    METADATA,
    Column("record", String(12), ForeignKey("session.id", ondelete="CASCADE"), primary_key=True),
    Column("chunk", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

TAG = Table(
    "tag",
    METADATA,
    Column("record", String(12), ForeignKey("session.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

ABOUT = Table(
    "about",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Of the store itself: `store`, the identity under which its chain is known."""

CHAIN = Table(
    "chain",
    METADATA,
    Column("store", String(16), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("subject", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Index("chain_subject", "kind", "subject"),
)
"""What happened, entry after entry, each with the hash of the one before in its own. A merge brings the chains of
other stores, each under its own identity."""

FACT = Table(
    "fact",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("since_us", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Text, nullable=False),
)
"""What is known of a device, a podlet, a batch, a calibration or a production test since when; JSON."""


def _first(connection: Connection) -> None:
    METADATA.create_all(connection, [SESSION, PENDING, TAG])


def _second(connection: Connection) -> None:
    from podsteam.store import chain

    METADATA.create_all(connection, [ABOUT, CHAIN, FACT])
    chain.begin(connection)


STEPS: tuple[Callable[[Connection], None], ...] = (_first, _second)
"""STEPS[v] takes a store from version v to v + 1. An empty file is version 0."""
