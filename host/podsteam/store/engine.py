# SPDX-License-Identifier: Apache-2.0
"""The database under the store: opening it, bringing it to this version, and its errors in one sentence."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from podsteam.errors import StoreFailed
from podsteam.store import tables

_BUSY_S = 10.0
"""How long to wait for another process's write."""

_REASONS = (
    ("SQLITE_READONLY", "cannot be written; make it writable, or name another store with --store"),
    ("SQLITE_CANTOPEN", "cannot be opened; check that it is a file in a folder that you may write to"),
    ("SQLITE_PERM", "cannot be opened; you lack the permission"),
    ("SQLITE_AUTH", "cannot be opened; you lack the permission"),
    ("SQLITE_NOTADB", "is not a record store"),
    ("SQLITE_CORRUPT", "is damaged; restore it from a backup, or name another store with --store"),
    ("SQLITE_BUSY", f"has been locked by another program for more than {_BUSY_S:.0f} s"),
    ("SQLITE_LOCKED", f"has been locked by another program for more than {_BUSY_S:.0f} s"),
    ("SQLITE_FULL", "cannot grow; the disk is full"),
    ("SQLITE_IOERR", "cannot be read or written; the disk reports an error"),
)


def _sentence(path: Path, error: BaseException) -> str:
    name = str(getattr(error, "sqlite_errorname", ""))
    for prefix, text in _REASONS:
        if name.startswith(prefix):
            return f"{path}: {text}."
    return f"{path}: the record store failed ({str(error).splitlines()[0] if str(error) else name})."


@contextmanager
def guarded(path: Path) -> Generator[None, None, None]:
    """Database errors inside become StoreFailed with one sentence that names the file."""
    try:
        yield
    except DBAPIError as e:
        raise StoreFailed(_sentence(path, e.orig or e)) from e
    except (SQLAlchemyError, sqlite3.Error) as e:
        raise StoreFailed(_sentence(path, e)) from e


def connect(path: Path) -> Engine:
    """An engine on the SQLite file. Transactions begin by hand: IMMEDIATE for those of `engine.begin()`,
    so that two writers wait for each other instead of failing half-way; plain for those of
    `engine.connect()`."""
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": _BUSY_S})

    @event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:  # pyright: ignore[reportUnusedFunction]
        assert isinstance(connection, sqlite3.Connection)
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        reading = bool(connection.get_execution_options().get("podsteam_reading"))
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def reader(engine: Engine) -> Engine:
    """The same engine for transactions that only read; they never wait for a writer."""
    return engine.execution_options(podsteam_reading=True)


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def prepare(engine: Engine, path: Path) -> None:
    """Make the tables in a new file, or bring those of an older version up to date, in one transaction.

    Raises StoreFailed for a file that is not ours or comes from a newer version.
    """
    newest = len(tables.STEPS)
    with reader(engine).connect() as connection:
        _check(connection, path, newest)
        if _pragma(connection, "user_version") == newest:
            return
    with engine.begin() as connection:
        version = _check(connection, path, newest)
        for step in tables.STEPS[version:]:
            step(connection)
        connection.exec_driver_sql(f"PRAGMA application_id = {tables.APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {newest}")


def _check(connection: Connection, path: Path, newest: int) -> int:
    """The file's schema version."""
    version = _pragma(connection, "user_version")
    application = _pragma(connection, "application_id")
    used = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    if application != tables.APPLICATION_ID and (used or application or version):
        raise StoreFailed(f"{path}: is not a record store, but a database of another program.")
    if version > newest:
        raise StoreFailed(
            f"{path}: was written by a newer podsteam (schema {version}, this one knows {newest}); update podsteam."
        )
    return version
