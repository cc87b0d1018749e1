# SPDX-License-Identifier: Apache-2.0
"""A wall that gets warmer while the element is commanded off and the relay is closed."""

import pytest
from past import Past

from podsteam_firmware.safety.cooling import Cooling


def rising(rise: int, before: int) -> Past:
    """`rise` in the last 1.75 s, `before` in the 1.75 s before."""
    past = Past(9000)
    past._walls[:] = [9000 - rise - before] * 2 + [9000 - rise] * 7 + [9000] * 7
    past._walls[-8] = 9000 - rise
    past._walls[-15] = 9000 - rise - before
    past.quiet = 24
    return past


def test_a_new_detector_knows_nothing() -> None:
    assert Cooling().detail == 0


@pytest.mark.parametrize(
    ("rise", "before", "found"), [(90, 0, True), (89, 0, False), (170, 200, True), (169, 200, False)]
)
def test_a_rise_that_hardly_slows_down(rise: int, before: int, found: bool) -> None:
    cooling = Cooling()
    assert cooling.step(rising(rise, before), True) is found
    assert cooling.detail == rise


def test_it_is_measured_in_windows_of_seven_looks() -> None:
    past = rising(170, 200)
    past.was(wall=5000)
    past._walls[-8], past._walls[-15] = 9000 - 170, 9000 - 370
    assert Cooling().step(past, True)


@pytest.mark.parametrize(("quiet", "closed"), [(23, True), (24, False)])
def test_not_before_6_s_without_power_nor_with_an_open_relay(quiet: int, closed: bool) -> None:
    past = rising(300, 300)
    past.quiet = quiet
    assert not Cooling().step(past, closed)
    past.quiet = 24
    assert Cooling().step(past, True)
