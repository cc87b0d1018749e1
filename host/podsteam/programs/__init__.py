# SPDX-License-Identifier: Apache-2.0
"""The example programs that come with the host tool, as the TOML files beside this one.

"gentle" is also what a device has when nothing was stored on it.
"""

from pathlib import Path

from podsteam.program import load
from podsteam.wire.messages import Program

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Names of the example programs, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def text(name: str) -> str:
    """The file of an example program as it is, comments included. `name` is one of `names()`."""
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def get(name: str) -> Program:
    """An example program. `name` is one of `names()`."""
    return load(_FOLDER / f"{name}.toml")
