# SPDX-License-Identifier: Apache-2.0
"""A fake chip for each version of the port, and the HAL on it."""

import importlib
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "fake"))

from fake_board import furnish
from fake_chip import Chip
from fake_install import installed

VERSIONS = [(1, 23), (1, 26), (1, 27)]
"""Old RMT without counters, old RMT with counters, new RMT."""


@pytest.fixture(params=VERSIONS, ids=lambda version: "{}.{}".format(*version))
def chip(request: pytest.FixtureRequest) -> Iterator[Chip]:
    """A chip fresh from power-on, under each version of the port."""
    chip = Chip(version=request.param)
    with installed(chip):
        yield chip


@pytest.fixture
def load(chip: Chip) -> Callable[[str], types.ModuleType]:
    """Import a module of the firmware, or `boot` or `main`, on the chip."""
    return importlib.import_module


@pytest.fixture
def hal(chip: Chip, load: Callable[[str], types.ModuleType], tmp_path: Path) -> Any:
    """The HAL on the reference board, with its files below a temporary folder."""
    furnish(chip)
    return load("podsteam_firmware.hal.esp32").Esp32Hal(str(tmp_path))
