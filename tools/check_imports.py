# SPDX-License-Identifier: Apache-2.0
"""Check who imports what: the walls between the folders, the one door to the hardware, what MicroPython has.

    python tools/check_imports.py [ROOT]

Walls: the protocol imports nothing of ours; the firmware imports the protocol, and so does the loader; only the
firmware's `entry/`, which is what the board starts, imports the loader. The simulated board imports all three; the
host imports the protocol, and the simulated board only inside functions of the files named in `LAZY_TWIN`. Only
`hal/esp32*.py` and `entry/` of the firmware and `esp32.py` of the loader touch `machine` and `esp32`, and no other
part of the two reads a clock. Imports for the type checker alone obey the walls too.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from compile_device import goes_to_device

ROOT = Path(__file__).resolve().parents[1]

PROTOCOL, FIRMWARE, LOADER = "podsteam_protocol", "podsteam_firmware", "podsteam_loader"
TWIN, HOST = "podsteam_twin", "podsteam"
FOLDERS = {
    PROTOCOL: "protocol/podsteam_protocol",
    FIRMWARE: "firmware/podsteam_firmware",
    LOADER: "firmware/podsteam_loader",
    TWIN: "hw/podsteam_twin",
    HOST: "host/podsteam",
}
MAY_IMPORT = {
    PROTOCOL: {PROTOCOL},
    FIRMWARE: {FIRMWARE, PROTOCOL},
    LOADER: {LOADER, PROTOCOL},
    TWIN: {TWIN, FIRMWARE, LOADER, PROTOCOL},
    HOST: {HOST, PROTOCOL},
}
LAZY_TWIN = {"host/podsteam/transport/sim.py", "host/podsteam/cli/sim.py", "host/podsteam/cli/demo.py"}

ENTRY = "firmware/podsteam_firmware/entry/"
DOOR = re.compile(r"firmware/podsteam_(firmware/(hal/esp32\w*|entry/\w+)|loader/esp32)\.py")
CHIP = {"machine", "esp32", "esp", "network", "bluetooth", "espnow"}
CLOCKS = {"time", "utime", "random", "asyncio", "_thread", "threading"}
# What the desktop and the ESP32 builds of MicroPython both have.
MICROPYTHON = {
    "array",
    "binascii",
    "builtins",
    "cmath",
    "collections",
    "errno",
    "gc",
    "hashlib",
    "heapq",
    "io",
    "json",
    "math",
    "micropython",
    "os",
    "random",
    "re",
    "select",
    "socket",
    "struct",
    "sys",
    "time",
    "uctypes",
    "vfs",
}
PROTOCOL_USES = {"binascii", "struct", "micropython"}
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
PORTABLE_ENTRY = "hw/podsteam_twin/child.py"
"""What MicroPython runs of the simulated board: this file and all that it imports when loaded."""


class Import(NamedTuple):
    """One import statement's target and where it stands."""

    line: int
    module: str
    """Its dotted name."""
    lazy: bool
    """Inside a function."""
    guarded: bool
    """Inside `try: ... except ImportError`, or for the type checker alone."""
    names: tuple[str, ...] = ()
    """What a `from` import takes out of it."""

    @property
    def top(self) -> str:
        """The first part of the name."""
        return self.module.partition(".")[0]


def _catches_import_error(node: ast.Try) -> bool:
    names = {name.id for handler in node.handlers for name in ast.walk(handler) if isinstance(name, ast.Name)}
    return bool(names & {"ImportError", "ModuleNotFoundError"})


def imports(tree: ast.AST, package: str, lazy: bool = False, guarded: bool = False) -> Iterator[Import]:
    """Every import below `tree`; relative ones count from `package`, the dotted name of the file's folder."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, lazy, guarded)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            names = parts[: len(parts) - node.level + 1] if node.level else []
            names += [node.module] if node.module else []
            taken = tuple(alias.name for alias in node.names)
            yield Import(node.lineno, ".".join(names), lazy, guarded, taken)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from imports(node, package, True, guarded)
        elif isinstance(node, ast.Try) and _catches_import_error(node):
            yield from imports(ast.Module(node.body, []), package, lazy, True)
            for handler in node.handlers:
                yield from imports(ast.Module(handler.body, []), package, lazy, guarded)
            yield from imports(ast.Module([*node.orelse, *node.finalbody], []), package, lazy, guarded)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from imports(ast.Module(node.body, []), package, lazy, True)
            yield from imports(ast.Module(node.orelse, []), package, lazy, guarded)
        else:
            yield from imports(node, package, lazy, guarded)


def complaint(owner: str, path: str, found: Import, portable: bool) -> str:
    """Why this import is not allowed in the file `path` (relative to the root); empty when it is.

    `portable`: the file runs on MicroPython too.
    """
    top = found.top
    if top in FOLDERS and top not in MAY_IMPORT[owner] and not (top == LOADER and path.startswith(ENTRY)):
        if not (owner == HOST and top == TWIN):
            return f"{owner} must not import {top}"
        if path not in LAZY_TWIN:
            return f"only {', '.join(sorted(LAZY_TWIN))} may import {TWIN}"
        if not found.lazy:
            return f"{TWIN} may be imported only inside a function"
    if top in POSIX_ONLY and not found.lazy:
        return f"{top} exists on POSIX only: import it inside the function that needs it"
    if owner == HOST or top in FOLDERS:
        return ""
    if DOOR.fullmatch(path):
        return ""
    if top in CHIP:
        return f"only the firmware's hal/esp32*.py and entry/ and the loader's esp32.py may import {top}"
    if not portable or (owner == TWIN and found.lazy):
        return ""
    if owner in (FIRMWARE, LOADER) and top in CLOCKS:
        return f"the firmware reads no {top}: time and chance come in through the HAL"
    if top not in (PROTOCOL_USES if owner == PROTOCOL else MICROPYTHON) and not found.guarded:
        return f"MicroPython has no {top}, or not everywhere: guard it with `except ImportError`"
    return ""


def file_imports(owner: str, path: str, source: str) -> list[Import]:
    """The imports of one file of the package `owner`."""
    folder = Path(path).relative_to(FOLDERS[owner]).parent
    return list(imports(ast.parse(source, path), ".".join([owner, *folder.parts])))


def portable_part(found: dict[str, list[Import]]) -> set[str]:
    """The files of the simulated board that MicroPython loads, of `found`: its files and their imports."""
    reached: set[str] = set()
    waiting = [PORTABLE_ENTRY]
    while waiting:
        path = waiting.pop()
        if path in reached or path not in found:
            continue
        reached.add(path)
        for each in found[path]:
            if each.top == TWIN and not each.lazy and not each.guarded:
                for name in (each.module, *(f"{each.module}.{taken}" for taken in each.names)):
                    stem = "hw/" + name.replace(".", "/")
                    waiting += [f"{stem}.py", f"{stem}/__init__.py"]
    return reached


def check_tree(root: Path) -> tuple[int, list[str]]:
    """Check every package below `root`; returns how many files were read and the complaints."""
    files = 0
    complaints: list[str] = []
    for owner, folder in FOLDERS.items():
        found: dict[str, list[Import]] = {}
        portable: set[str] = set()
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            source = path.read_text(encoding="utf-8")
            found[name] = file_imports(owner, name, source)
            if owner in (PROTOCOL, FIRMWARE, LOADER) and goes_to_device(source):
                portable.add(name)
        files += len(found)
        if owner == TWIN:
            portable = portable_part(found)
        for name, each in found.items():
            whys = ((item, complaint(owner, name, item, name in portable)) for item in each)
            complaints += [f"{name}:{item.line}: {why}" for item, why in whys if why]
    return files, complaints


def main() -> int:
    """Print the complaints; returns the exit status."""
    files, complaints = check_tree(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
    for line in complaints:
        print(line, file=sys.stderr)
    if not files:
        print("no source files found", file=sys.stderr)
        return 1
    print(f"imports: {files} files, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
