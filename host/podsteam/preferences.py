# SPDX-License-Identifier: Apache-2.0
"""This computer's preferences: a TOML file of the user's. An option counts before the environment, the environment
before the file, the file before what holds without any.

    port = "unit:0250f7a5d5b9"      # as --port takes it
    store = "/data/study/records.db"
    required_tags = ["subject"]     # no session without them
    [tags]                          # on every session, unless --tag says otherwise
    room = "lab 2"
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from podsteam.errors import UsageProblem
from podsteam.text import safe
from podsteam.tomlfile import table_of

ENVIRONMENT = "PODSTEAM_PREFERENCES"
"""Names another file."""
STORE_ENVIRONMENT = "PODSTEAM_STORE"
_MOST_BYTES = 65536
_KEYS = "port, store, required_tags and the table [tags]"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the file says; empty: nothing."""

    port: str = ""
    store: str = ""
    required_tags: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


def place() -> Path:
    """The file, whether it is there or not."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    from platformdirs import user_config_dir

    return Path(user_config_dir("podsteam", appauthor=False)) / "preferences.toml"


def load() -> Preferences:
    """The user's preferences; a file that is not there says nothing. Raises UsageProblem with file and key."""
    path = place()
    name = safe(str(path))
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        if ENVIRONMENT in os.environ:
            raise UsageProblem(f"{name}: is not there, but {ENVIRONMENT} names it.") from None
        return Preferences()
    except OSError as e:
        raise UsageProblem(f"{name}: cannot be read ({e.strerror}).") from e
    if len(raw) > _MOST_BYTES:
        raise UsageProblem(f"{name}: is larger than {_MOST_BYTES} bytes, so it holds no preferences.")
    return read(raw, name)


def read(raw: bytes, name: str) -> Preferences:
    """`load` from bytes; `name` is for messages."""
    found = table_of(raw, name)
    port = _text(found.pop("port", ""), f"{name}: port")
    store = _text(found.pop("store", ""), f"{name}: store")
    required = found.pop("required_tags", [])
    tags = found.pop("tags", {})
    if found:
        raise UsageProblem(f"{name}: there is no '{safe(next(iter(found)), 60)}'; there are {_KEYS}.")
    if not isinstance(required, list):
        raise UsageProblem(f"{name}: required_tags must be a list of tag names.")
    if not isinstance(tags, dict):
        raise UsageProblem(f"{name}: tags must be a table of names and values.")
    names = tuple(_tag(each, "x", name) for each in cast("list[Any]", required))
    table = cast("dict[str, Any]", tags)
    values = {key: _text(value, f"{name}: the tag '{safe(key, 40)}'") for key, value in table.items()}
    for key, value in values.items():
        _tag(key, value, name)
    return Preferences(port, store, names, values)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise UsageProblem(f"{what} must be text in quotes.")
    return value


def _tag(name: Any, value: str, file: str) -> str:
    """A tag's name that the store takes. Raises UsageProblem."""
    from podsteam.store.model import check_tag

    try:
        check_tag(_text(name, "the name of a tag"), value)
    except UsageProblem as e:
        raise UsageProblem(f"{file}: {e.message[0].lower()}{e.message[1:]}") from None
    return name


def tags_of(given: Mapping[str, str]) -> dict[str, str]:
    """A session's tags: those of the file, and those given with it, which count more. Raises UsageProblem when a
    required one is missing."""
    mine = load()
    tags = {**mine.tags, **given}
    missing = [name for name in mine.required_tags if name not in tags]
    if missing:
        wanted = " ".join(f"--tag {name}=VALUE" for name in missing)
        raise UsageProblem(
            f"No session is recorded here without the tag '{missing[0]}'; give {wanted}, or see {place()}."
        )
    return tags
