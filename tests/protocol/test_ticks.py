# SPDX-License-Identifier: Apache-2.0
"""Wrapping time: right across the wrap, and never outside the ESP32's small integers."""

from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware import ticks

WRAP = 1 << 30
HALF = 1 << 29
TIME = st.integers(0, WRAP - 1) | st.sampled_from([0, 1, HALF - 1, HALF, HALF + 1, WRAP - 1])
DELTA = st.integers(-(HALF - 1), HALF - 1) | st.sampled_from([0, 1, -1, HALF - 1, 1 - HALF])


class Small(int):
    """An integer that fails where the ESP32 would need a bignum."""

    def _checked(self, value: int) -> "Small":
        assert -WRAP <= value < WRAP, f"{value} leaves the small integers"
        return Small(value)

    def __add__(self, other: int) -> "Small":
        return self._checked(int(self) + int(other))

    def __radd__(self, other: int) -> "Small":
        return self._checked(int(other) + int(self))

    def __sub__(self, other: int) -> "Small":
        return self._checked(int(self) - int(other))

    def __rsub__(self, other: int) -> "Small":
        return self._checked(int(other) - int(self))

    def __and__(self, other: int) -> "Small":
        return self._checked(int(self) & int(other))

    def __xor__(self, other: int) -> "Small":
        return self._checked(int(self) ^ int(other))


@given(TIME, DELTA)
def test_add_wraps(t, delta):
    assert ticks.add(t, delta) == (t + delta) % WRAP


@given(TIME, DELTA)
def test_diff_undoes_add(t, delta):
    assert ticks.diff(ticks.add(t, delta), t) == delta


@given(TIME, DELTA)
def test_due_from_the_deadline_on(t, delta):
    assert ticks.due(ticks.add(t, delta), t) == (delta >= 0)


@given(TIME, DELTA)
def test_nothing_leaves_the_small_integers(t, delta):
    later = ticks.add(Small(t), Small(delta))
    assert ticks.diff(Small(later), Small(t)) == delta
    assert ticks.due(Small(later), Small(t)) == (delta >= 0)


def test_across_the_wrap():
    late = WRAP - 20
    assert ticks.add(late, 50) == 30
    assert ticks.diff(30, late) == 50
    assert ticks.diff(late, 30) == -50
    assert not ticks.due(late, 30)
    assert ticks.due(30, late)
