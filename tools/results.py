# SPDX-License-Identifier: Apache-2.0
"""Committed results of the long targets (`make safety`, `make fuzz`, `make mutation`): figure rows with their date.

A file `tests/results/NAME.json` is a list of rows as in `build/figures.json`, each with the `date` and the `commit` of
its run besides, and with a digest of the files that it judged: the table says when these are others by now.
`make figures` merges them into the README's table.
"""

import datetime
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "results"


def judged(judges: Iterable[str], root: Path = ROOT) -> str:
    """SHA-256 over the Python files below these folders, and over these files: names and contents."""
    digest = hashlib.sha256()
    for name in sorted(judges):
        paths = sorted((root / name).rglob("*.py")) if (root / name).is_dir() else [root / name]
        for path in paths:
            digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
            digest.update(path.read_bytes() if path.exists() else b"gone")
    return digest.hexdigest()


def commit() -> str:
    """The commit that is checked out, short; empty outside a repository."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def row(
    name: str, value: float | str, unit: str, bar: str, holds: bool, context: str, judges: Iterable[str] = ()
) -> dict[str, Any]:
    """One figure of today. `judges`: the folders and files, below the root, whose change makes it old."""
    if sys.implementation.name != "cpython":
        context += f"; played on {sys.implementation.name}"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    keys = ("name", "value", "unit", "bar", "holds", "context", "date")
    made: dict[str, Any] = dict(zip(keys, (name, value, unit, bar, holds, context, today), strict=True))
    if judges:
        made |= {"commit": commit(), "judges": sorted(judges), "judged": judged(judges)}
    return made


def write(name: str, rows: list[dict[str, Any]], folder: Path = FOLDER, whole: bool = False) -> None:
    """Put rows into `NAME.json`; rows of other names that are there already stay, with their dates. `whole`: these are
    all rows that there are, so that others are of what no longer exists, and go."""
    target = folder / f"{name}.json"
    kept: dict[str, Any] = {}
    if target.exists() and not whole:
        kept = {each["name"]: each for each in json.loads(target.read_text(encoding="utf-8"))}
    kept |= {each["name"]: each for each in rows}
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps([kept[each] for each in sorted(kept)], indent=1) + "\n", encoding="utf-8")


def committed(folder: Path = FOLDER, root: Path = ROOT) -> list[dict[str, Any]]:
    """Every row of every result file; the context says when it was measured, and when that is out of date."""
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob("*.json")):
        for each in json.loads(path.read_text(encoding="utf-8")):
            run = f"run of {each['date']}"
            if each.get("commit"):
                run += f" after {each['commit']}"
            if "judged" in each and each["judged"] != judged(each["judges"], root):
                run += ", **older than the code it judges**"
            found.append({**each, "context": f"{each['context']}; {run}"})
    return found
