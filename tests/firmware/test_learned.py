# SPDX-License-Identifier: Apache-2.0
"""What the heater keeps from session to session: complete and plausible, or as it was before."""

import struct

import pytest
from params_checks import FileHal

from podsteam_firmware.heat import boiling, cooling, energy, onset, scale, tune
from podsteam_firmware.heat.regimes import Heat
from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.store import learned, params

NAMES = (
    "boiling_mc",
    "capacity_j_k",
    "ambient_mc",
    "metal_j_k",
    "water_lag_ms",
    "lag_known",
    "loss_mw_k",
    "loss_known",
    "superheat_mc",
    "superheat_dw",
    "excess_mk_kw",
)
"""The values of a set, in their order."""


def known(boiling_mc: int, **changes: int) -> Heat:
    """A heater that has learned these."""
    settings = Settings()
    values = {"capacity_j_k": 400, "ambient_mc": 21_000, "superheat_mc": 6500, "superheat_dw": 2200} | changes
    for name, value in values.items():
        assert hasattr(settings, name)
        setattr(settings, name, value)
    settings.boiling_mc = boiling_mc
    return Heat(settings)


def believed(hal: FileHal) -> tuple[int, ...]:
    settings = Settings()
    learned.recall(hal, settings)
    return tuple(getattr(settings, name) for name in NAMES)


def test_layouts_of_bytes_on_flash_stay_as_they_are() -> None:
    """What was once written must be read for ever: a changed layout needs a new version."""
    hal = FileHal()
    heat = known(98_765, capacity_j_k=432, water_lag_ms=3210, lag_known=1, loss_mw_k=333, excess_mk_kw=-5)
    assert learned.keep(hal, heat)
    raw = hal.files["params/heat2a"]
    values = "cd810100b001000008520000" + "8200" + "8a0c" + "0100" + "4d01" + "0000" + "64190000" + "9808" + "fbffffff"
    assert raw.hex() == "505365740200" + "2000" + "01000000" + values + raw[-4:].hex()
    assert [layout for layout, _ in learned.HEAT] == ["<iii", "<iiiHHHHHiHi"]


def test_what_was_learned_is_there_at_the_next_start() -> None:
    hal = FileHal()
    assert learned.keep(hal, known(95_000))
    settings = Settings()
    learned.recall(hal, settings)
    heat = Heat(settings)
    assert (heat.boiling_mc, heat.energy.capacity_j_k, heat.energy.ambient_mc) == (93_000, 400, 21_000)
    assert believed(hal) == (95_000, 400, 21_000, 130, 8000, 0, 350, 0, 6500, 2200, 0)
    writes = len(hal.written)
    assert learned.keep(hal, known(95_000))
    assert len(hal.written) == writes


def test_a_point_that_was_not_seen_again_is_kept_without_the_doubt() -> None:
    """A session that never boils must not lower the boiling point by the doubt each time."""
    hal = FileHal()
    assert learned.keep(hal, known(95_000))
    for _ in range(3):
        settings = Settings()
        learned.recall(hal, settings)
        settings.loss_mw_k += 1
        assert learned.keep(hal, Heat(settings))
    assert believed(hal)[0] == 95_000


def test_a_set_of_the_first_version_is_brought_over() -> None:
    hal = FileHal()
    assert params.save(hal, "heat", learned.HEAT[:1], (95_000, 400, 21_000))
    assert believed(hal) == (95_000, 400, 21_000, 130, 8000, 0, 350, 0, 0, 0, 0)
    # The old files stay as they were, for an application that is rolled back.
    before = hal.files["params/heat1a"]
    assert learned.keep(hal, known(94_000))
    assert hal.files["params/heat1a"] == before
    assert believed(hal)[0] == 94_000


def test_what_a_new_unit_believes_needs_no_migration() -> None:
    """The first version's missing values are those that are compiled in."""
    settings = Settings()
    assert learned._first(()) == tuple(getattr(settings, name) for name in NAMES[3:])


def test_a_tuning_alone_is_kept() -> None:
    hal = FileHal()
    assert learned.keep(hal, known(0, metal_j_k=99))
    assert believed(hal)[3] == 99 and believed(hal)[0] == 0


@pytest.mark.parametrize(
    ("boiling_mc", "name", "value"),
    [
        (83_999, "lag_known", 0),
        (104_001, "lag_known", 0),
        (95_000, "ambient_mc", 40_001),
        (95_000, "metal_j_k", 39),
        (95_000, "metal_j_k", 301),
        (95_000, "water_lag_ms", 499),
        (95_000, "water_lag_ms", 9001),
        (95_000, "lag_known", 2),
        (95_000, "loss_mw_k", 99),
        (95_000, "loss_mw_k", 1001),
        (95_000, "superheat_mc", 40_001),
        (95_000, "superheat_dw", 8001),
        (95_000, "excess_mk_kw", -500_001),
    ],
)
def test_nonsense_is_neither_kept_nor_believed(boiling_mc: int, name: str, value: int) -> None:
    hal = FileHal()
    assert learned.keep(hal, known(96_000))
    heat = known(boiling_mc, **{name: value})
    assert learned.keep(hal, heat)
    assert len(hal.written) == 1
    before = believed(hal)
    values = tuple(value if each == name else old for each, old in zip(NAMES, before))
    assert params.save(hal, "heat", learned.HEAT, (boiling_mc,) + values[1:])
    new = Settings()
    assert believed(hal) == tuple(getattr(new, each) for each in NAMES)


def test_bounds_are_those_of_the_heater() -> None:
    """A value that the heater may learn is a value that is kept."""
    low = dict(zip(NAMES, learned._LOW))
    high = dict(zip(NAMES, learned._HIGH))
    assert low["boiling_mc"] == boiling._LOWEST_MC
    assert (low["ambient_mc"], high["ambient_mc"]) == (energy._ROOM_MIN_MC, energy._ROOM_MAX_MC)
    assert low["metal_j_k"] == tune._METAL_MIN_J_K <= energy._METAL_LOW_J_K
    assert high["metal_j_k"] == tune._METAL_MAX_J_K >= energy._METAL_HIGH_J_K
    assert low["capacity_j_k"] == tune._METAL_MIN_J_K + energy._WATER_MIN_J_K
    assert high["capacity_j_k"] == tune._METAL_MAX_J_K + energy._WATER_MAX_J_K
    assert (low["water_lag_ms"], high["water_lag_ms"]) == (onset._LAG_MIN_MS, onset._LAG_MAX_MS)
    assert low["loss_mw_k"] == tune._LOSS_MIN_MW_K <= cooling.LOW_MW_K
    assert high["loss_mw_k"] == tune._LOSS_MAX_MW_K >= cooling.HIGH_MW_K
    assert high["superheat_mc"] == scale._BELIEVED_MC and high["superheat_dw"] == scale._HIGH_DW
    assert high["excess_mk_kw"] == scale._EXCESS_MAX
    assert struct.calcsize(learned.HEAT[-1][0]) == 32
