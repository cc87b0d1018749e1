# SPDX-License-Identifier: Apache-2.0
"""Ticks in which something breaks allocate no more than the others: not a byte, on both word sizes."""

from pathlib import Path
from typing import Any

import pytest
import tick_bytes

import alone

PRESS = {"do": "press"}


def fault(name: str) -> dict[str, Any]:
    return {"do": "fault", "name": name}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware as it goes to the device."""
    target = tmp_path_factory.mktemp("app")
    alone.compile_device_files(target)
    return target


@pytest.mark.parametrize(
    ("name", "script", "seconds"),
    [
        ("wall_open", [(2.0, PRESS), (30.0, fault("wall_open"))], 33),
        ("ssr_welded", [(2.0, PRESS), (30.0, fault("ssr_welded"))], 40),
        ("mains_lost", [(2.0, PRESS), (30.0, fault("mains_lost"))], 33),
        ("dry", [(1.0, fault("water_stuck")), (2.0, PRESS), (20.0, fault("dry"))], 45),
        ("tilted, then started again", [(2.0, PRESS), (9.0, fault("tilted")), (14.0, PRESS)], 18),
    ],
)
def test_no_tick_allocates_whatever_breaks(
    name: str, script: list[tuple[float, Any]], seconds: float, compiled: Path, tmp_path: Path, micropython: str
) -> None:
    for bits, figures in tick_bytes.tick_bytes(compiled, tmp_path, micropython, script, seconds).items():
        assert figures["tick_bytes"] == 0, bits
        assert figures["ticks"] > seconds * 19
