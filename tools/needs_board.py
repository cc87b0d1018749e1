# SPDX-License-Identifier: Apache-2.0
"""What still needs a board: `docs/needs-a-board.md`, written from the marker `needs_board` of the tests.

    python tools/needs_board.py [--check]

Each such test says in the marker what only a board can tell. Results that people ran and contributed stand in
`docs/hil/`; the page counts them for each test. With `--check` nothing is written: a stale page is an error.
"""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE = "docs/needs-a-board.md"
RESULTS = "docs/hil"
HEAD = """# What still needs a board

Nobody has built the [reference board](../hw/board/README.md) yet, so this is what no simulated board can tell. Each
line is a test that is ready to run; the page is generated from the tests (`tools/needs_board.py`). What takes a scope
or a thermometer is in the [board's own list](../hw/board/README.md#what-only-a-board-can-tell).

```sh
make hil PORT=/dev/ttyUSB0
make hil PORT=/dev/ttyUSB0 HEAT=1 POWER='my-relay {on|off}'
```

The first command heats nothing. With `HEAT=1` stay beside the board, and read the
[safety notes](../hw/board/README.md#safety) before; you are asked at the terminal to press the button. `POWER` names a
command that switches the supply. The result file is in `build/hil/`: put it into `docs/hil/` and send it, whatever it
says. It holds the unit's address, the firmware's hash, the outcome and the figures of each test, and no port or name of
yours.
"""


class Needed(NamedTuple):
    """A test that needs a board."""

    what: str
    """What only a board can tell."""
    test: str
    """`path::name`."""
    needs: tuple[str, ...]
    """What it asks for besides: heat, and capabilities."""


def _marks(function: ast.FunctionDef) -> Iterator[tuple[str, list[Any]]]:
    """The name and the arguments of each `pytest.mark.x` decorator."""
    for decorator in function.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        name = ast.unparse(call.func if call else decorator)
        if name.startswith("pytest.mark."):
            arguments = call.args if call and name.endswith(("needs_board", "needs")) else []
            yield name.removeprefix("pytest.mark."), [ast.literal_eval(each) for each in arguments]


def needed(root: Path) -> list[Needed]:
    """Every test below `root/tests` that carries the marker. Raises ValueError when one does not say what for."""
    found: list[Needed] = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            if not isinstance(node, ast.FunctionDef):
                continue
            marks = list(_marks(node))
            test = f"{path.relative_to(root).as_posix()}::{node.name}"
            for _, arguments in (mark for mark in marks if mark[0] == "needs_board"):
                if len(arguments) != 1 or not str(arguments[0]).strip():
                    raise ValueError(f"{test}: the marker needs_board says what only a board can tell")
                more = ["heat"] if any(name == "heats" for name, _ in marks) else []
                more += [str(each) for name, names in marks if name == "needs" for each in names]
                found.append(Needed(str(arguments[0]), test, tuple(more)))
    return found


def outcomes(root: Path) -> dict[str, list[str]]:
    """By test: the outcomes in the contributed result files."""
    found: dict[str, list[str]] = {}
    for path in sorted((root / RESULTS).glob("*.json")):
        for test in json.loads(path.read_text(encoding="utf-8"))["tests"]:
            if test["outcome"] in ("passed", "failed"):
                found.setdefault(test["test"], []).append(test["outcome"])
    return found


def page(root: Path) -> str:
    """The page's text."""
    results = outcomes(root)
    lines = [HEAD, "| what only a board can tell | asks for | on boards so far | test |", "| --- | --- | --- | --- |"]
    for what, test, needs in needed(root):
        came = results.get(test, [])
        shown = f"{came.count('passed')} passed, {came.count('failed')} failed" if came else "not run"
        lines.append(f"| {what} | {', '.join(needs)} | {shown} | `{test.removeprefix('tests/')}` |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or check it; returns the exit status."""
    target = ROOT / PAGE
    text = page(ROOT)
    if "--check" in sys.argv[1:]:
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            print(f"{PAGE} is stale: run `python tools/needs_board.py`", file=sys.stderr)
            return 1
    else:
        target.write_text(text, encoding="utf-8")
    print(f"needs a board: {text.count('::')} tests")
    return 0


if __name__ == "__main__":
    sys.exit(main())
