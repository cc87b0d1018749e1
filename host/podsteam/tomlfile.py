# SPDX-License-Identifier: Apache-2.0
"""TOML from bytes that a person wrote."""

import tomllib
from typing import Any

from podsteam.errors import UsageProblem
from podsteam.text import safe


def table_of(raw: bytes, name: str) -> dict[str, Any]:
    """The file's table; `name` is for the message. Raises UsageProblem."""
    try:
        return tomllib.loads(raw.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as e:
        raise UsageProblem(f"{name}: is no TOML ({safe(str(e), 100)}).") from e
