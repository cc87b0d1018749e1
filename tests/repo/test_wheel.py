# SPDX-License-Identifier: Apache-2.0
"""The wheel holds what an installation needs, and nothing that could get in anybody's way."""

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from chips import small_image

import check_imports
import compile_device


@pytest.fixture(scope="module")
def root(pytestconfig) -> Path:
    return pytestconfig.rootpath


@pytest.fixture(scope="module")
def built(root, tmp_path_factory) -> Path:
    """The wheel."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(built) -> set[str]:
    """The names of the files in the wheel."""
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_every_top_level_name_begins_with_podsteam(wheel):
    assert {name.split("/")[0].split("-")[0].split(".")[0] for name in wheel} == {
        "podsteam",
        "podsteam_firmware",
        "podsteam_loader",
        "podsteam_protocol",
        "podsteam_twin",
    }


def test_every_source_file_is_in_it(root, wheel):
    for source in check_imports.FOLDERS.values():
        base = (root / source).parent
        wanted = {path.relative_to(base).as_posix() for path in (root / source).rglob("*.py")}
        assert wanted
        assert wanted <= wheel


def test_every_device_file_is_in_it(root, wheel):
    names = {below.as_posix() for _, below in compile_device.device_files(root)}
    assert "podsteam_firmware/core.py" in names
    assert names <= wheel


def test_an_installed_wheel_says_what_it_would_flash_without_the_checkout(built, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(built) as archive:
        archive.extractall(site)
    script = (
        "import podsteam, sys; from podsteam.cli.main import main; print(podsteam.__file__, file=sys.stderr); main()"
    )
    (tmp_path / "small.bin").write_bytes(small_image(0, 0x1000, files=(0x20000, 0x180000)))
    command = [sys.executable, "-c", script, "flash", "--image", "small.bin", "--dry-run", "--json"]
    env = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(str(site))
    segments = json.loads(done.stdout)["units"][0]["segments"]
    assert [s["name"] for s in segments] == ["MicroPython", "files"]
    assert segments[1]["bytes"] > 300_000


def test_example_programs_types_and_licences_are_in_it(wheel):
    assert sum(name.startswith("podsteam/programs/") and name.endswith(".toml") for name in wheel) >= 3
    for package in ("podsteam", "podsteam_firmware", "podsteam_loader", "podsteam_protocol", "podsteam_twin"):
        assert f"{package}/py.typed" in wheel
    assert {name.rpartition("/")[2] for name in wheel if "/licenses/" in name} == {"LICENSE", "NOTICE"}


def test_nothing_left_over_is_in_it(wheel):
    assert not [name for name in wheel if name.endswith((".pyc", ".mpy")) or "__pycache__" in name]


def test_the_lock_holds_hashes_and_every_requirement(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    lock = (root / "requirements.lock").read_text()
    pins = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    assert all("==" in line and line.endswith("\\") for line in pins)
    assert lock.count("--hash=sha256:") >= len(pins)
    assert "://" not in lock
    locked = {line.split("==")[0] for line in pins}
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    wanted += project["optional-dependencies"]["plot"]
    names = {name(line) for line in wanted} - {"podsteam"}
    assert names <= locked


def name(requirement: str) -> str:
    """The distribution's name of a requirement."""
    end = next((i for i, c in enumerate(requirement) if c in "<>=!~;[ "), len(requirement))
    return requirement[:end]
