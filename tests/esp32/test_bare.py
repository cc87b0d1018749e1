# SPDX-License-Identifier: Apache-2.0
"""The bare board on a fake chip: a whole session with nothing attached, SIMULATED, and not one pin driven."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_chip import PADS, Chip

from podsteam.errors import UsageProblem
from podsteam.flash import boards, compiled
from podsteam_firmware.loop import Loop
from podsteam_firmware.safety import selftest
from podsteam_protocol import messages as m

# What it uses of the chip is the same in every version of the port.
newest = pytest.mark.parametrize("chip", [(1, 27)], indirect=True, ids=["1.27"])
BOOT = 0
LINK_TX = 1


@pytest.fixture
def bare(chip: Chip, load: Callable[[str], Any], tmp_path: Path) -> Any:
    """The firmware on the bare board's HAL: nothing of the reference board is there."""
    chip.partitions["ledger"] = bytearray(b"\xff" * 0x10000)
    chip.outside(BOOT, 1)
    chip.watchdog_ms = 0
    return Loop(load("podsteam_firmware.hal.esp32_bare").Esp32Hal(str(tmp_path)))


def run(loop: Any, chip: Chip, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
    end_us = chip.t_us + int(seconds * 1e6)
    while chip.t_us < end_us and not until():
        loop.turn()


def press(loop: Any, chip: Chip) -> None:
    chip.outside(BOOT, 0)
    run(loop, chip, 0.3)
    chip.outside(BOOT, 1)
    run(loop, chip, 0.3)


@pytest.mark.slow
@newest
def test_a_whole_session_drives_no_pin(bare: Any, chip: Chip) -> None:
    core = bare.core
    run(bare, chip, 3)
    assert core.hal.caps & m.CAP_SIMULATED and core.hal.board == "bare"
    assert core.selftest.failed & selftest.STOPS == 0
    assert core.supervisor.fault == 0 and core.session.state == m.STATE_IDLE
    press(bare, chip)
    assert core.session.state == m.STATE_WARM_UP
    run(bare, chip, 600, lambda: core.session.state == m.STATE_STEAM)
    assert core.session.state == m.STATE_STEAM, (core.supervisor.fault, core.session.stop_reason)
    run(bare, chip, 900, lambda: core.session.state == m.STATE_COOLING)
    assert core.session.stop_reason == m.STOP_DONE, (core.supervisor.fault, core.session.stop_reason)
    assert core.heat.steam_mg > 3000
    left_g = core.hal._boiler.water_g
    assert 40 < left_g < 55
    run(bare, chip, 3600, lambda: core.hal._boiler.water_g > left_g)
    assert core.hal._boiler.water_g == 60
    driven = [n for n in PADS if chip.pads[n].out or any(pin == n for _, pin, _ in chip.history if n != BOOT)]
    assert set(driven) <= {LINK_TX}


@newest
def test_dry_it_stops(bare: Any, chip: Chip) -> None:
    run(bare, chip, 3)
    press(bare, chip)
    run(bare, chip, 2)
    bare.hal._boiler.water_g = 8.0
    run(bare, chip, 900, lambda: bare.core.session.state not in (m.STATE_WARM_UP, m.STATE_STEAM))
    assert bare.core.session.stop_reason in (m.STOP_NO_WATER, m.STOP_FAULT)


def test_the_board_replaces_what_drives_pins() -> None:
    board = boards.find("bare")
    assert board.rows() == [] and board.simulated
    sources = boards.sources(board)
    hal = sources["podsteam_firmware/hal/esp32.py"]
    assert "CAP_SIMULATED" in hal and "Pin.OUT" not in hal
    assert compiled.goes_to_device(hal)
    assert re.search(r"^OFF = \(\)", sources["podsteam_firmware/entry/boot.py"], re.M)
    assert re.search(r"^_BUTTON = 0$", sources["podsteam_firmware/entry/main.py"], re.M)
    assert "_EXPANDER = const(0x0)" in sources["podsteam_loader/esp32.py"]
    application, entry = compiled.application(sources)
    assert b"bare" in application["podsteam_firmware/hal/esp32.mpy"]
    assert b"OFF = ()" in entry["boot.py"]
    # It is on no other board.
    assert not [below for _, below in compiled.files_below(compiled.folders()) if "bare" in below.name]


@pytest.mark.parametrize("more", ["[pins]\nSSR = 4", "[bus]\nCLOCK = 3"])
def test_a_simulated_board_has_no_pins(tmp_path: Path, more: str) -> None:
    path = tmp_path / "b.toml"
    path.write_text(f'name = "b"\nchip = "esp32"\nsimulated = true\n{more}\n')
    with pytest.raises(UsageProblem, match="has no pins"):
        boards.find(str(path))
