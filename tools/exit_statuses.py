# SPDX-License-Identifier: Apache-2.0
"""The table of exit statuses in `docs/commands.md`, written from `host/podsteam/errors.py`.

    python tools/exit_statuses.py [--check]

Each row has what the status means and the exceptions that end with it. A status without an exception, or an exception
whose status is not in the table, is an error. With `--check` nothing is written: a stale page is an error.
"""

import inspect
import sys
from pathlib import Path

from podsteam import errors

ROOT = Path(__file__).resolve().parents[1]
PAGE = "docs/commands.md"
BEGIN = "<!-- exit statuses: begin; written by tools/exit_statuses.py -->"
END = "<!-- exit statuses: end -->"
_WITHOUT = (0, 1)
"""Done, and what nobody foresaw: no exception of ours stands for them."""


def kinds() -> dict[int, list[type[errors.PodsteamError]]]:
    """The exceptions of each status, in the order in which they are defined."""
    found: dict[int, list[type[errors.PodsteamError]]] = {}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.PodsteamError) and kind is not errors.PodsteamError:
            found.setdefault(kind.status, []).append(kind)
    return found


def table(statuses: tuple[tuple[int, str], ...], of: dict[int, list[type[errors.PodsteamError]]]) -> str:
    """The Markdown table. Raises ValueError when table and exceptions do not fit each other."""
    lines = ["| status | means | exception | when |", "| ---: | --- | --- | --- |"]
    for status, meaning in statuses:
        found = of.get(status, [])
        if not found and status not in _WITHOUT:
            raise ValueError(f"status {status} has no exception in errors.py")
        names = "<br>".join(f"`{kind.__name__}`" for kind in found)
        when = "<br>".join(_first_sentence(kind) for kind in found)
        lines.append(f"| {status} | {meaning} | {names} | {when} |")
    left = sorted(set(of) - {status for status, _ in statuses})
    if left:
        raise ValueError(f"status {left[0]} is not in errors.STATUSES")
    return "\n".join(lines)


def _first_sentence(kind: type[errors.PodsteamError]) -> str:
    text = " ".join((inspect.cleandoc(kind.__doc__ or "")).split("\n\n")[0].split())
    return text.replace("|", "\\|")


def replaced(page: str) -> str:
    """The page with the table between its markers. Raises ValueError when a marker is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} lacks its markers")
    return f"{before}{BEGIN}\n\n{table(errors.STATUSES, kinds())}\n\n{END}{after}"


def main() -> int:
    """Write the table, or check it; returns the exit status."""
    target = ROOT / PAGE
    old = target.read_text(encoding="utf-8")
    new = replaced(old)
    if "--check" not in sys.argv[1:]:
        target.write_text(new, encoding="utf-8")
    elif new != old:
        print(f"{PAGE} is stale: run `python tools/exit_statuses.py`", file=sys.stderr)
        return 1
    print(f"exit statuses: {len(errors.STATUSES)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
