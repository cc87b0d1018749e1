# SPDX-License-Identifier: Apache-2.0
"""Tell which functions a short name in a device's traceback may stand for.

    python tools/explain_names.py NAME...

The last words of a device say `File "podsteam_firmware.core", in _3`. Several functions are called `_3` there, each
private to another class or module; the line above, whose function calls it, tells which is meant.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping

import compile_device
from podsteam.flash.compiled import FIRMWARE, ISLANDS
from podsteam.flash.link import linked_names
from podsteam.flash.shorten import names, shorten


def _functions(body: Iterable[ast.stmt], above: str = "") -> Iterator[tuple[str, str]]:
    """The functions in a body, as (dotted name, own name)."""
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield above + node.name, node.name
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{above}{node.name}.")


def explain(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """What each name on the device may stand for in these folded sources, as `module.Class.function`."""
    tables = names(sources)
    tops = linked_names(shorten(sources), ISLANDS, FIRMWARE)
    found: dict[str, list[str]] = {}
    for module, source in sources.items():
        for dotted, name in _functions(ast.parse(source).body):
            there = tables[module].get(name, name)
            if "." not in dotted:
                there = tops.get((module, there), there)
            found.setdefault(there, []).append(f"{module}.{dotted}")
    return found


def main() -> int:
    """Print the candidates; returns the exit status."""
    found = explain(compile_device.folded_sources(compile_device.ROOT))
    for short in sys.argv[1:]:
        for candidate in found.get(short, ()):
            print(f"{short:4} {candidate}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
