# SPDX-License-Identifier: Apache-2.0
"""Recording a session as it runs, so that a killed process loses at most the last second.

Frames are collected in memory, and a thread of the writer's own commits them every quarter of a second: a slow disk
must never hold up the link, whose lease lasts 1.5 s. The commit also renews a heartbeat, by which other
processes see that the recording lives.
"""

import os
import platform
from datetime import datetime
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Self

from sqlalchemy import insert, update

from podsteam.errors import StoreFailed
from podsteam.store.model import RECORDING
from podsteam.store.tables import PENDING, SESSION
from podsteam_protocol import frame

if TYPE_CHECKING:
    from podsteam.store.database import Store

FLUSH_S = 0.25
"""Time between two commits."""
GONE_S = 10.0
"""A writer whose heartbeat is older than this is gone."""


def writer_gone(host: str, pid: int, heartbeat_us: int, now_us: int) -> bool:
    """Whether the process that records a session has ended, as far as can be told from here."""
    if abs(now_us - heartbeat_us) > GONE_S * 1e6:
        return True
    # On Windows os.kill ends the process instead of asking after it.
    if os.name != "posix" or host != platform.node():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


class SessionWriter:
    """Takes the frames of one session. Made by `Store.begin`; usable as a context manager, which finishes
    it."""

    def __init__(self, store: "Store", record: str) -> None:
        self.record = record
        """The record's id."""
        self.problem: StoreFailed | None = None
        """What went wrong with the last commit; None: nothing. Its frames are kept and tried again."""
        self._store = store
        self._collected = bytearray()
        self._collecting = Lock()
        self._flushing = Lock()
        self._chunk = 1
        self._stop = Event()
        self._finished = False
        self._thread = Thread(target=self._run, name=f"record {record}", daemon=True)
        self._thread.start()

    def frame(self, body: bytes) -> None:
        """Take a frame's body (type, seq, payload) as it came from the link. Never waits for the disk.

        Raises ValueError when the body is no frame's.
        """
        if len(body) < 2:
            raise ValueError("a body has at least type and seq")
        if self._finished:
            raise ValueError("the record is finished")
        data = frame.encode(body[0], body[1], body[2:])
        with self._collecting:
            self._collected += data

    def _run(self) -> None:
        while not self._stop.wait(FLUSH_S):
            try:
                self.flush()
            except StoreFailed as e:
                self.problem = e

    def flush(self) -> None:
        """Commit what was collected, now. Raises StoreFailed; the frames are then kept for the next try."""
        with self._flushing:
            with self._collecting:
                data = bytes(self._collected)
            with self._store.writing() as connection:
                if data:
                    connection.execute(insert(PENDING).values(record=self.record, chunk=self._chunk, data=data))
                alive = update(SESSION).where(SESSION.c.id == self.record)
                connection.execute(alive.values(state=RECORDING, heartbeat_us=self._store.now_us()))
            with self._collecting:
                del self._collected[: len(data)]
            self._chunk += bool(data)
            self.problem = None

    def finish(self, ended: datetime | None = None, ending: str = "") -> str:
        """Close the record and return its id. It counts as complete when the session's end is in its frames.

        `ended` is the wall-clock time (default: now); `ending` says why recording ended before the session
        did, in one sentence. A second call does nothing. Raises StoreFailed; what was committed is still
        there and is closed as cut off when the store is next opened.
        """
        if not self._finished:
            self._stop.set()
            self._thread.join()
            self.flush()
            self._store.fold(self.record, ended, ending)
            self._finished = True
        return self.record

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.finish()
            return
        # The error that ends the session is the one to report, not a second one of the store.
        try:
            self.finish(ending=str(error) or (kind.__name__ if kind else ""))
        except StoreFailed as e:
            self.problem = e
