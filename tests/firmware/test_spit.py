# SPDX-License-Identifier: Apache-2.0
"""A heat-up that takes longer than any filling that is allowed."""

import pytest
from past import Past

from podsteam_firmware.safety.spit import Spit

MAINS_UV = 1_150_000


def heated(spit: Spit, looks: int, mains_uv: int = MAINS_UV) -> bool:
    """Whether a rise from 40 to 70 degC in so many looks is a risk."""
    past = Past(water=3990)
    found = spit.step(past, mains_uv)
    for i in range(1, looks):
        found = spit.step(past.look(water=4000 + 2999 * i // looks).on(), mains_uv) or found
    return spit.step(past.look(water=7000).on(), mains_uv) or found


@pytest.mark.parametrize(("looks", "risk"), [(432, True), (431, False)])
def test_more_than_3_6_s_a_kelvin_is_a_risk(looks: int, risk: bool) -> None:
    spit = Spit()
    assert spit.detail == 0
    assert heated(spit, looks) is risk
    assert spit.detail == looks


def test_it_is_timed_from_40_to_70_degrees_and_from_nothing_else() -> None:
    spit, past = Spit(), Past(water=3999)
    for water, looks in ((3999, 100), (4000, 100), (6999, 100), (7000, 1)):
        for _ in range(looks):
            assert spit.detail == 0
            spit.step(past.look(water=water).on(), MAINS_UV)
    assert spit.detail == 201


def test_it_is_told_once_in_each_heat_up() -> None:
    spit = Spit()
    past = Past(water=3990)
    assert heated(spit, 500)
    for _ in range(500):
        assert not spit.step(past.look(water=7100).on(), MAINS_UV)
    assert spit.detail == 500
    assert heated(spit, 500)


@pytest.mark.parametrize(("mains_uv", "risk"), [(1_035_000, True), (1_034_999, False)])
def test_weak_mains_say_nothing(mains_uv: int, risk: bool) -> None:
    assert heated(Spit(), 500, mains_uv) is risk


def test_only_full_power_counts_and_a_pause_begins_anew() -> None:
    spit = Spit()
    past = Past(water=4000)
    spit.step(Past(water=3999), MAINS_UV)
    for _ in range(1000):
        assert not spit.step(past.look(), MAINS_UV)
    past.full = 0
    assert not spit.step(past.look(), MAINS_UV)
    past.full = 1
    for _ in range(430):
        assert not spit.step(past.look(), MAINS_UV)
    assert not spit.step(past.look(water=7000), MAINS_UV)
    assert spit.detail == 431


def test_a_heat_up_that_began_warmer_is_not_judged() -> None:
    spit = Spit()
    past = Past(water=4001)
    for _ in range(1000):
        assert not spit.step(past.look(), MAINS_UV)
    assert not spit.step(past.look(water=7000), MAINS_UV)
    assert spit.detail == 0
