# SPDX-License-Identifier: Apache-2.0
"""The import walls hold, and the check that guards them sees every kind of breach."""

from pathlib import Path

import pytest

import check_imports

SHORT = {
    "P": "protocol/podsteam_protocol",
    "F": "firmware/podsteam_firmware",
    "L": "firmware/podsteam_loader",
    "T": "hw/podsteam_twin",
    "H": "host/podsteam",
}
TWIN_ENTRY = "import json\nfrom podsteam_twin import world\n"


def full(path: str) -> str:
    """The path with its first letter spelt out: the folder of the protocol, firmware, loader, twin or host."""
    return SHORT[path[0]] + path[1:]


def complaints(tmp_path: Path, files: dict[str, str]) -> list[str]:
    for name, source in files.items():
        path = tmp_path / full(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    count, found = check_imports.check_tree(tmp_path)
    assert count == len(files)
    return found


def test_the_repository_keeps_its_walls(pytestconfig):
    files, found = check_imports.check_tree(pytestconfig.rootpath)
    assert files > 20
    assert found == []


@pytest.mark.parametrize(
    ("path", "source", "reason"),
    [
        ("P/a.py", "import podsteam_firmware.ticks", "must not import"),
        ("P/a.py", "import os", "MicroPython has no os"),
        ("F/a.py", "from podsteam_twin import world", "must not import"),
        ("F/a.py", "from podsteam.wire import messages", "must not import"),
        ("F/a.py", "import machine", "only the firmware's hal/esp32"),
        ("F/a.py", "def f():\n    import esp32", "only the firmware's hal/esp32"),
        (
            "F/hal/pins.py",
            "from machine import Pin",
            "only the firmware's hal/esp32",
        ),
        ("F/a.py", "import time", "reads no time"),
        ("F/a.py", "def f():\n    import random", "reads no random"),
        ("F/a.py", "import typing", "MicroPython has no typing"),
        (
            "F/a.py",
            "from dataclasses import field",
            "MicroPython has no dataclasses",
        ),
        ("F/link/a.py", "from ...podsteam import wire", "must not import"),
        ("F/a.py", "from podsteam_loader import record", "must not import"),
        ("L/a.py", "from podsteam_firmware import ticks", "must not import"),
        ("L/a.py", "import machine", "only the firmware's hal/esp32"),
        ("L/a.py", "import time", "reads no time"),
        ("P/a.py", "import podsteam_loader", "must not import"),
        ("H/a.py", "from podsteam_loader import record", "must not import"),
        ("T/a.py", "import podsteam.client", "must not import"),
        ("T/a.py", "import machine", "only the firmware's hal/esp32"),
        ("T/a.py", "import pty", "exists on POSIX only"),
        ("H/a.py", "from podsteam_firmware import ticks", "must not import"),
        ("H/a.py", "def f():\n    import podsteam_twin", "may import podsteam_twin"),
        ("H/transport/sim.py", "import podsteam_twin", "only inside a function"),
        ("H/a.py", "import termios", "exists on POSIX only"),
        (
            "H/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from podsteam_firmware import core",
            "must not import",
        ),
        (
            "H/a.py",
            "try:\n    import podsteam_firmware\nexcept ImportError:\n    pass",
            "must not",
        ),
    ],
)
def test_a_breach_is_named(tmp_path, path, source, reason):
    found = complaints(tmp_path, {path: source})
    assert len(found) == 1
    assert found[0].startswith(f"{full(path)}:")
    assert reason in found[0]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "P/a.py",
            "import binascii\nimport struct\nfrom podsteam_protocol import frame",
        ),
        ("P/schema.py", '"""Data. Never loaded on the\ndevice."""\nimport dataclasses'),
        ("F/hal/esp32.py", "import machine, esp32, time"),
        ("F/entry/main.py", "import machine\nimport time\nfrom podsteam_loader import start"),
        ("L/esp32.py", "import machine\nimport time\nfrom podsteam_protocol import frame"),
        ("L/a.py", "import hashlib\nimport os\nfrom podsteam_loader import record"),
        ("T/a.py", "from podsteam_loader import start"),
        (
            "F/a.py",
            "try:\n    from typing import Any\nexcept ImportError:\n    pass",
        ),
        ("F/link/a.py", "from . import events\nfrom ..ticks import add"),
        ("T/server.py", "import selectors\ndef f():\n    import pty"),
        ("H/transport/sim.py", "def f():\n    from podsteam_twin import launch"),
        ("H/a.py", "import sqlite3\ndef f():\n    import fcntl"),
    ],
)
def test_what_is_allowed_passes(tmp_path, path, source):
    assert complaints(tmp_path, {path: source}) == []


def test_only_what_micropython_loads_of_the_twin_must_be_portable(tmp_path):
    files = {
        "T/child.py": TWIN_ENTRY,
        "T/world.py": "def f():\n    import traceback",
        "T/server.py": "import pathlib",
    }
    assert complaints(tmp_path, files) == []
    files["T/world.py"] = "import pathlib"
    assert complaints(tmp_path, files) == [
        "hw/podsteam_twin/world.py:1: MicroPython has no pathlib, or not everywhere: guard it with `except ImportError`"
    ]


def test_the_twins_portable_part_is_found(pytestconfig):
    folder = pytestconfig.rootpath / check_imports.FOLDERS[check_imports.TWIN]
    found = {}
    for path in folder.rglob("*.py"):
        name = path.relative_to(pytestconfig.rootpath).as_posix()
        found[name] = check_imports.file_imports(check_imports.TWIN, name, path.read_text())
    portable = check_imports.portable_part(found)
    assert check_imports.PORTABLE_ENTRY in portable
    assert len(portable) >= 10
    assert "hw/podsteam_twin/server.py" not in portable
