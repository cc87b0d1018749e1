# SPDX-License-Identifier: Apache-2.0
"""Where session records live on this computer: one SQLite file, one row for each session.

    with open_store(None) as store:
        with store.begin(SessionMeta(head, started, tags={"subject": "P07"})) as writer:
            for body in link:
                writer.frame(body)
        print(store.get("last").record.summary)

The database library is imported when a store is opened, not before, so that the other commands start quickly.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from podsteam.errors import StoreFailed
from podsteam.store.model import Entry, SessionMeta, Stored, parse_tag

if TYPE_CHECKING:
    from podsteam.store.database import Store

__all__ = ["Entry", "SessionMeta", "Stored", "default_path", "open_store", "parse_tag"]


def default_path() -> Path:
    """The store of this user: PODSTEAM_STORE, else the preferences', else one under the platform's data folder.

    Raises UsageProblem when the preferences cannot be read.
    """
    from platformdirs import user_data_dir

    from podsteam.preferences import STORE_ENVIRONMENT, load

    if named := os.environ.get(STORE_ENVIRONMENT) or load().store:
        return Path(named).expanduser()
    return Path(user_data_dir("podsteam", appauthor=False)) / "records.db"


def open_store(path: Path | str | None = None, *, create: bool = True) -> "Store":
    """Open the store at `path`, by default the user's own; it is made when it is not there, unless `create`
    is off.

    Sessions whose recording process is gone are closed as cut off. Raises StoreFailed, with one sentence, for
    a file that cannot be read or written, is no record store, is damaged, or comes from a newer podsteam.
    """
    where = Path(path) if path is not None else default_path()
    if not create and not where.exists():
        raise StoreFailed(f"{where}: there is no record store here; the first session makes it.")
    try:
        from podsteam.store.database import Store
    except ModuleNotFoundError as e:
        raise StoreFailed(f"{e.name} is not installed; run: pip install podsteam") from e
    return Store(where)
