# SPDX-License-Identifier: Apache-2.0
"""The valve's own calibration: bounds, the two copies, what it does to widths and caps, and the requests for it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from podlet_bench import Bench as PodletBench
from test_caps import limits

from podsteam_firmware.dose import calibration, valve
from podsteam_firmware.dose.caps import Caps
from podsteam_protocol import messages as m
from podsteam_twin import podlets

GOOD = (1100, 4200, 50, 2300, 20, 40, 20_600)


class Store:
    """Files in memory; `broken`: a write says True and leaves nothing."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.writes = 0
        self.broken = False

    def file_read(self, name: str, limit: int) -> bytes | None:
        return self.files.get(name)

    def file_write(self, name: str, data: bytes) -> bool:
        self.writes += 1
        if not self.broken:
            self.files[name] = bytes(data)
        return True


def test_a_new_unit_has_the_nominal_valve() -> None:
    assert calibration.recall(Store()) == calibration.NEW == (1000, valve.DEAD_US, 200, 2200, 0, 0, 0)
    assert calibration.check(calibration.NEW) == -1


def test_the_size_is_that_of_the_newest_layout() -> None:
    packed = struct.pack(calibration.DOSE[-1][0], *calibration.recall(Store()))
    assert calibration.SIZE == len(packed) == 14


@pytest.mark.parametrize(
    ("index", "low", "high"),
    [(0, 500, 1500), (1, 500, 20_000), (2, 0, 500), (3, 500, 4500), (4, 0, 50), (5, 0, 65_535), (6, 0, 65_535)],
)
def test_each_value_has_its_bounds(index: int, low: int, high: int) -> None:
    for value, wanted in ((low, -1), (high, -1), (low - 1, index), (high + 1, index)):
        values = (*GOOD[:index], value, *GOOD[index + 1 :])
        assert calibration.check(values) == wanted


def test_it_is_kept_in_two_copies_and_the_last_good_one_stays() -> None:
    store = Store()
    assert calibration.keep(store, GOOD) and calibration.recall(store) == GOOD
    assert calibration.keep(store, GOOD) and store.writes == 1, "what is there already is not written again"
    store.broken = True
    assert not calibration.keep(store, calibration.NEW)
    assert calibration.recall(store) == GOOD
    store.broken = False
    assert calibration.keep(store, calibration.NEW) and calibration.recall(store) == calibration.NEW
    assert len(store.files) == 2


def test_a_stored_set_out_of_bounds_is_not_used() -> None:
    store = Store()
    assert calibration.keep(store, (100, *GOOD[1:]))
    assert calibration.recall(store) == calibration.NEW


@pytest.mark.parametrize(
    ("room_mc", "gain"), [(23_000, 1100), (33_000, 1320), (18_000, 990), (45_000, 1430), (5_000, 770), (22_950, 1098)]
)
def test_warmth_makes_the_flow_larger_within_bounds(room_mc: int, gain: int) -> None:
    caps = Caps()
    calibration.apply(GOOD, caps, room_mc)
    assert (caps.gain_permille, caps.dead_us, caps.p95_permille) == (gain, 4200, 50)


def test_widths_follow_gain_and_dead_time() -> None:
    assert valve.width_us(50_000, 500, 2000, 1000) == 51_000
    assert valve.width_us(50_000, 500, 500, 1000) == 201_000
    assert valve.width_us(1_000_000, 1, 350, 20_000) == 1_000_000
    assert valve.most_nl(10, 2000, 20_000) == 19_600
    caps = Caps()
    calibration.apply(GOOD, caps, 23_000)
    assert caps.width_us(55_000, 500) == 104_200


@given(st.integers(1, 250_000), st.integers(10, 1_000), st.integers(350, 1950), st.integers(500, 20_000))
def test_the_width_gives_the_volume(nl: int, flow: int, gain: int, dead: int) -> None:
    width = valve.width_us(nl, flow, gain, dead)
    assert 1_000 <= width <= 1_000_000
    if width > 1_000:
        given_nl = (width - dead) * flow * gain / 1_000_000
        assert given_nl <= nl
        if nl <= valve.most_nl(flow, gain, dead):
            # Two divisions: less than two us of flow at the nominal gain, and one at this one.
            assert nl - given_nl <= flow * (2 + gain / 1000) / 1000


def test_caps_are_lowered_by_what_the_valve_errs() -> None:
    for p95, wanted, given_before, podlet, allowed, reason in (
        (200, 100_000, 0, limits(), 100_000, 0),
        (200, 100_001, 0, limits(), 100_000, m.DOSE_SHOT_CAP),
        (250, 250_000, 0, limits(400_000), 200_000, m.DOSE_HARD_LIMIT),
        (250, 100_000, 750_000, limits(), 50_000, m.DOSE_SESSION_CAP),
        (250, 100_000, 2_390_000, limits(400_000, 9_000_000), 10_000, m.DOSE_HARD_LIMIT),
        (500, 100_000, 0, limits(session_cap_nl=2**30 - 1), 100_000, 0),
    ):
        caps = Caps()
        caps.p95_permille = p95
        caps.session_nl = given_before
        assert (caps.allowed_nl(wanted, podlet), caps.reason) == (allowed, reason)


def test_every_reason_is_kept() -> None:
    caps = Caps()
    caps.session_nl = 970_000
    assert caps.allowed_nl(400_000, limits()) == 30_000
    assert caps.reasons == 1 << m.DOSE_SHOT_CAP | 1 << m.DOSE_SESSION_CAP
    assert caps.allowed_nl(10_000, limits()) == 10_000
    assert (caps.reason, caps.reasons) == (0, 0)


def test_the_day_is_capped() -> None:
    caps = Caps()
    caps.window.add(5_950_000)
    assert caps.allowed_nl(100_000, limits()) == 50_000
    assert (caps.reason, caps.reasons) == (m.DOSE_DAY_CAP, 1 << m.DOSE_DAY_CAP)
    caps.count(0, 50_000)
    assert caps.allowed_nl(1, limits()) == 0
    assert caps.day_nl() == 6_000_000


def test_no_podlet_no_dose() -> None:
    bench = PodletBench(podlets.build({0: b"x"}))
    assert Caps().allowed_nl(1000, bench.reader) == 0
