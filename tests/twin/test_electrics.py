# SPDX-License-Identifier: Apache-2.0
"""Mains, relays, SSR and valve: what conducts when, against a slow model that goes crossing by crossing."""

import pytest
from effort import tries
from hypothesis import given
from hypothesis import strategies as st

from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.plant import Boiler
from podsteam_twin.electrics import Heater, Mains, Relay
from podsteam_twin.valve import Valve

ALL = 0x3FF
MS = 1000
S = 1_000_000


def heater(**overrides: float) -> Heater:
    constants = Constants(**overrides)
    return Heater(Boiler(constants), constants)


def live(unit: Heater, from_us: int, to_us: int) -> None:
    """Keep the relay closed from `from_us` to `to_us` and run there."""
    for t_us in range(from_us, to_us, 50 * MS):
        unit.heartbeat(t_us)
    unit.run_to(to_us)


# Mains --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mhz", [50_000, 60_000, 49_870])
def test_crossings_are_counted_when_they_happen(mhz: int) -> None:
    mains = Mains(230.0, mhz)
    for number in (1, 2, 3, 1000, 123_457):
        at_us = mains.crossing_us(number)
        assert at_us == pytest.approx(number * 5e8 / mhz, abs=1)
        assert mains.count(at_us) == number
        assert mains.count(at_us - 1) == number - 1


def test_crossings_stop_when_mains_is_lost_and_never_run_back() -> None:
    unit = heater()
    unit.set_mains(1_234_567, 0.0, 50_000)
    assert unit.zero_cross(2 * S) == 123
    unit.set_mains(3 * S + 7, 230.0, 60_000)
    assert unit.zero_cross(3 * S + 7) == 123
    assert unit.zero_cross(4 * S + 7) == 243
    # A sag keeps the phase.
    unit.set_mains(4 * S + 9, 190.0, 60_000)
    assert unit.zero_cross(4 * S + 7 + 8334) == 244


def test_power_goes_with_the_square_of_the_voltage() -> None:
    for volts, error, watts in ((230.0, 0.0, 400.0), (207.0, 0.0, 324.0), (253.0, 0.1, 440.0)):
        unit = heater(mains_v=volts, element_error=error)
        unit.ssr_welded = unit.relay.welded = True
        unit.run_to(10 * S)
        assert unit.boiler.energy_in_j == pytest.approx(watts * 10, rel=2e-3)


def test_a_sag_within_a_step_counts_to_the_microsecond() -> None:
    unit = heater()
    unit.ssr_welded = unit.relay.welded = True
    unit.set_mains(1 * S + 3 * MS, 115.0, 50_000)
    unit.run_to(2 * S)
    # From the first crossing at 10 ms.
    assert unit.boiler.energy_in_j == pytest.approx(400 * 0.993 + 100 * 0.997)
    unit.set_mains(2 * S, 0.0, 50_000)
    unit.run_to(3 * S)
    assert unit.boiler.energy_in_j == pytest.approx(400 * 0.993 + 100 * 0.997)
    # When it comes back, nothing flows before the first crossing.
    unit.set_mains(3 * S + 1 * MS, 230.0, 50_000)
    unit.run_to(3 * S + 25 * MS)
    assert unit.boiler.energy_in_j == pytest.approx(400 * (0.993 + 0.014) + 100 * 0.997)


# Relay --------------------------------------------------------------------------------------------------------
def test_relay_needs_edges_that_keep_coming() -> None:
    relay = Relay()
    relay.heartbeat(1 * S)
    assert not relay.closed(1 * S)
    relay.heartbeat(1 * S + 151 * MS)
    assert not relay.closed(1 * S + 151 * MS)
    relay.heartbeat(1 * S + 301 * MS)
    assert relay.closed(1 * S + 301 * MS)
    assert relay.closed(1 * S + 481 * MS - 1)
    assert not relay.closed(1 * S + 481 * MS)
    # Held by an edge that comes late, but before it has dropped.
    relay.heartbeat(1 * S + 470 * MS)
    assert relay.closed(1 * S + 640 * MS)
    relay.heartbeat(1 * S + 651 * MS)
    assert not relay.closed(1 * S + 651 * MS)
    assert relay.edges == 5


def test_relay_faults() -> None:
    unit = heater()
    live(unit, 0, 1 * S)
    assert unit.relay_closed(1 * S)
    unit.relay.stuck_open = True
    assert not unit.relay_closed(1 * S)
    unit.relay.stuck_open = False
    unit.relay.welded = True
    assert unit.relay_closed(9 * S)
    assert not unit.relay.fed(9 * S)


# SSR ----------------------------------------------------------------------------------------------------------
def oracle(bursts: list[tuple[int, int]], mhz: int) -> int:
    """At how many crossings a burst's level is on; bursts are (time, pattern) of 10 cycles."""
    on: set[int] = set()
    for t_us, pattern in bursts:
        coming = t_us * mhz // 500_000_000 + 1
        middle_us = -(-coming * 500_000_000 // mhz) - 500_000_000 // mhz // 2
        if t_us > middle_us + 3000:
            coming += 1
        on |= {coming + half for half in range(20) if pattern >> (half // 2) & 1}
    return len(on)


@given(
    gaps_us=st.lists(st.integers(0, 60_000), min_size=1, max_size=12),
    patterns=st.lists(st.integers(0, ALL), min_size=12, max_size=12),
    mhz=st.sampled_from([50_000, 60_000]),
    looks=st.lists(st.integers(1, 2_000_000), max_size=20),
)
@tries(60)
def test_bursts_conduct_whole_half_cycles(gaps_us: list[int], patterns: list[int], mhz: int, looks: list[int]) -> None:
    cycle_us = 1_000_000_000 // mhz
    unit = heater(mains_mhz=mhz)
    unit.relay.welded = True
    looked = heater(mains_mhz=mhz)
    looked.relay.welded = True
    bursts: list[tuple[int, int]] = []
    t_us = 0
    for gap_us, pattern in zip(gaps_us, patterns, strict=False):
        t_us = max(t_us, unit.done_us) + gap_us
        bursts.append((t_us, pattern))
        unit.burst(t_us, pattern, 10, cycle_us)
        for look_us in sorted(looks):
            if looked.done_us < look_us < t_us:
                looked.run_to(look_us)
        looked.burst(t_us, pattern, 10, cycle_us)
    end_us = unit.done_us + 50_000
    unit.run_to(end_us)
    looked.run_to(end_us)
    expected = oracle(bursts, mhz)
    assert unit.load_halves == expected
    # What the hardware counts as sent, it counts by its own clock, whatever the mains does.
    assert unit.burst_halves == sum(2 * bin(pattern).count("1") for _, pattern in bursts)
    # Crossings fall on whole microseconds.
    assert unit.boiler.energy_in_j == pytest.approx(expected * 400 * 500 / mhz, rel=1e-4)
    # Looking at it changes nothing.
    assert looked.load_halves == unit.load_halves
    assert looked.boiler.wall_c == unit.boiler.wall_c
    assert looked.boiler.energy_in_j == unit.boiler.energy_in_j


@pytest.mark.parametrize(("mhz", "cycle_us"), [(50_000, 20_000), (60_000, 16_667)])
def test_bursts_that_follow_within_3_ms_lose_nothing(mhz: int, cycle_us: int) -> None:
    unit = heater(mains_mhz=mhz)
    unit.relay.welded = True
    t_us = 1_234
    for i in range(100):
        unit.burst(t_us, ALL, 10, cycle_us)
        assert unit.busy(unit.done_us - 1)
        assert not unit.busy(unit.done_us)
        t_us = unit.done_us + (i * 37) % 2990
    unit.run_to(unit.done_us + 1)
    assert unit.load_halves == 2000
    assert unit.burst_halves == 2000
    assert unit.zero_cross(unit.done_us) - 2000 <= 1


def test_a_late_burst_leaves_a_gap_of_one_half_cycle() -> None:
    unit = heater()
    unit.relay.welded = True
    unit.burst(5 * MS, ALL, 10, 20_000)
    assert unit.done_us == 205 * MS
    unit.burst(209 * MS, ALL, 10, 20_000)
    assert unit.done_us == 415 * MS
    unit.run_to(500 * MS)
    assert unit.load_halves == 40


def test_an_aborted_burst_ends_at_the_zero_crossing() -> None:
    unit = heater()
    unit.relay.welded = True
    unit.burst(5 * MS, ALL, 10, 20_000)
    unit.abort(52 * MS)
    assert not unit.busy(52 * MS)
    assert unit.burst_halves == 5
    unit.run_to(1 * S)
    assert unit.load_halves == 5
    assert unit.burst_halves == 5
    assert unit.boiler.energy_in_j == pytest.approx(400 * 0.05)
    unit.burst(1 * S, 1, 1, 20_000)
    unit.run_to(2 * S)
    assert unit.load_halves == 7


def test_a_burst_is_refused_while_one_is_sent_or_when_too_long() -> None:
    unit = heater()
    unit.burst(0, ALL, 10, 20_000)
    with pytest.raises(ValueError, match="while one is being sent"):
        unit.burst(100 * MS, ALL, 10, 20_000)
    for cycles, cycle_us in ((0, 20_000), (26, 10_000), (25, 20_001)):
        with pytest.raises(ValueError, match="cycles"):
            unit.burst(10 * S, 1, cycles, cycle_us)


def test_no_current_without_relay_mains_or_element() -> None:
    for part in ("relay", "mains", "element"):
        unit = heater()
        unit.ssr_open = part == "element"
        if part == "mains":
            unit.set_mains(0, 0.0, 50_000)
        if part != "relay":
            live(unit, 0, 1 * S)
        unit.burst(1 * S, ALL, 10, 20_000)
        live(unit, 1 * S, 2 * S) if part != "relay" else unit.run_to(2 * S)
        assert unit.load_halves == 0, part
        # The pattern was sent all the same.
        assert unit.burst_halves == 20
        assert unit.boiler.energy_in_j == 0


def test_a_welded_ssr_conducts_until_the_relay_opens() -> None:
    unit = heater()
    unit.ssr_welded = True
    live(unit, 0, 1 * S)
    assert unit.load_halves == pytest.approx(95, abs=1)
    unit.run_to(5 * S)
    # The last edge was at 950 ms, and the relay dropped 180 ms later.
    assert unit.load_halves == pytest.approx(95 + 13, abs=1)
    assert unit.burst_halves == 0


def test_the_bimetal_ends_what_no_firmware_can() -> None:
    unit = heater(water_g=0.0)
    unit.ssr_welded = unit.relay.welded = True
    unit.run_to(30 * S)
    assert not unit.cutout_open
    unit.run_to(120 * S)
    assert unit.cutout_open
    assert unit.boiler.wall_c < 190
    spent_j = unit.boiler.energy_in_j
    unit.run_to(180 * S)
    assert unit.boiler.energy_in_j == spent_j
    unit.cutout_open = False
    unit.run_to(181 * S)
    assert unit.boiler.energy_in_j > spent_j


# Valve --------------------------------------------------------------------------------------------------------
def valve(unit: Heater) -> Valve:
    unit.valve = Valve(unit.relay, flow_nl_ms=40.0, dead_ms=3.0)
    live(unit, 0, 1 * S)
    return unit.valve


def test_volume_is_flow_times_open_time_less_the_dead_time() -> None:
    unit = heater()
    part = valve(unit)
    part.pulse(1 * S, 500 * MS)
    assert part.busy(1 * S + 500 * MS - 1)
    assert part.coil_on(1 * S + 100 * MS)
    live(unit, 1 * S, 2 * S)
    part.run_to(1 * S + 999 * MS)
    assert not part.busy(1 * S + 500 * MS)
    assert not part.coil_on(1 * S + 500 * MS)
    assert part.delivered_nl == pytest.approx(497 * 40)
    assert part.coil_pulses == 1
    part.pulse(2 * S, 2 * MS)
    live(unit, 2 * S, 3 * S)
    assert part.delivered_nl == pytest.approx(497 * 40)
    assert part.coil_pulses == 2


def test_looking_does_not_change_the_volume() -> None:
    unit = heater()
    part = valve(unit)
    part.pulse(1 * S, 100 * MS)
    for t_us in range(1 * S, 1 * S + 200 * MS, 1_300):
        part.run_to(t_us)
    assert part.delivered_nl == pytest.approx(97 * 40)


def test_a_pulse_is_refused_while_one_is_sent_or_out_of_range() -> None:
    unit = heater()
    part = valve(unit)
    for width_us in (999, 1_000_001):
        with pytest.raises(ValueError, match="valve pulse"):
            part.pulse(1 * S, width_us)
    part.pulse(1 * S, 5 * MS)
    with pytest.raises(ValueError, match="valve pulse"):
        part.pulse(1 * S + 4 * MS, 5 * MS)
    part.pulse(1 * S + 5 * MS, 5 * MS)


def test_an_aborted_pulse() -> None:
    unit = heater()
    part = valve(unit)
    part.pulse(1 * S, 500 * MS)
    part.abort(1 * S + 103 * MS)
    assert not part.busy(1 * S + 103 * MS)
    live(unit, 1 * S + 104 * MS, 2 * S)
    assert part.delivered_nl == pytest.approx(100 * 40)


def test_nothing_flows_without_the_heartbeat() -> None:
    unit = heater()
    part = valve(unit)
    # The last edge was at 950 ms: the supply ends at 1130 ms, in the middle of the pulse.
    part.pulse(1 * S, 500 * MS)
    part.run_to(2 * S)
    assert part.delivered_nl == pytest.approx(127 * 40)
    part.pulse(3 * S, 500 * MS)
    part.run_to(4 * S)
    assert part.coil_pulses == 1
    assert part.delivered_nl == pytest.approx(127 * 40)


def test_air_in_the_line_comes_out_first_and_an_empty_podlet_gives_no_more() -> None:
    unit = heater()
    part = valve(unit)
    part.air_nl = 1000.0
    part.left_nl = 4000.0
    for second, delivered in ((1, 97 * 40 - 1000), (2, 4000), (3, 4000)):
        part.pulse(second * S, 100 * MS)
        live(unit, second * S, (second + 1) * S)
        part.run_to((second + 1) * S)
        assert part.delivered_nl == pytest.approx(delivered)
        assert part.air_nl == 0
    assert part.left_nl == 0 and part.coil_pulses == 3


def test_wear_makes_the_dead_time_longer_and_the_flow_smaller() -> None:
    unit = heater()
    part = valve(unit)
    part.wear_us, part.wear_flow = 500.0, 0.01
    wanted = 0.0
    for second in (1, 2, 3):
        wanted += (97 - 0.5 * (second - 1)) * 40 * 0.99**second
        part.pulse(second * S, 100 * MS)
        live(unit, second * S, (second + 1) * S)
        part.run_to((second + 1) * S)
    assert part.delivered_nl == pytest.approx(wanted)


def test_valve_faults() -> None:
    unit = heater()
    part = valve(unit)
    part.coil_open = True
    part.pulse(1 * S, 100 * MS)
    assert not part.coil_on(1 * S + 1)
    live(unit, 1 * S, 2 * S)
    assert (part.coil_pulses, part.delivered_nl) == (0, 0)
    part.coil_open = False
    part.stuck_closed = True
    part.pulse(2 * S, 100 * MS)
    assert part.coil_on(2 * S + 1)
    live(unit, 2 * S, 3 * S)
    assert (part.coil_pulses, part.delivered_nl) == (1, 0)
    part.stuck_closed = False
    part.stick_on(3 * S, True)
    assert not part.busy(3 * S + 1)
    # A pulse makes no difference to a coil that is on.
    part.pulse(3 * S + 100, 10 * MS)
    live(unit, 3 * S + 100, 4 * S)
    assert part.coil_on(4 * S)
    assert part.coil_pulses == 2
    part.run_to(6 * S)
    # Edges ended at 3950.1 ms, so the supply at 4130.1 ms.
    assert not part.coil_on(6 * S)
    assert part.delivered_nl == pytest.approx(1127.1 * 40)
    part.stick_on(6 * S, False)
    live(unit, 6 * S, 7 * S)
    assert not part.coil_on(7 * S)
    assert part.delivered_nl == pytest.approx(1127.1 * 40)
