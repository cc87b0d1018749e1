# SPDX-License-Identifier: Apache-2.0
"""Writing a result to a file: whole or not at all, and never over another one unasked."""

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from podsteam.errors import UsageProblem


def write_files(files: Mapping[Path, bytes], overwrite: bool = False) -> list[Path]:
    """Write each file; returns their paths. Raises UsageProblem when one is there already and `overwrite`
    is off (nothing is written then), or when one cannot be written."""
    for path in files:
        if not overwrite and path.exists():
            raise UsageProblem(f"{path}: is there already; choose another name, or add --overwrite.")
    for path, data in files.items():
        _write(path, data, overwrite)
    return list(files)


def _write(path: Path, data: bytes, overwrite: bool) -> None:
    part = path.with_name(f".podsteam-{secrets.token_hex(6)}.part")
    try:
        part.write_bytes(data)
        if overwrite:
            part.replace(path)
        else:
            _claim(part, path)
    except FileExistsError as e:
        raise UsageProblem(f"{path}: is there already; choose another name, or add --overwrite.") from e
    except OSError as e:
        raise UsageProblem(f"{path}: cannot be written ({e.strerror or e}).") from e
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _claim(part: Path, path: Path) -> None:
    """Move to a name that must be free, also if another process takes it at this moment."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        # This file system has no hard links.
        with path.open("xb") as file:
            file.write(part.read_bytes())
