# SPDX-License-Identifier: Apache-2.0
"""The clocks' comparison against the truth of the simulated board, whose virtual time both share."""

from collections.abc import Callable

import pytest

import podsteam
from podsteam.clocksync import ClockOffset, measure


def worst_ms(**options: object) -> float:
    """Largest error over a few boards, ms: virtual time is what the device's clock counts, from its own start on."""
    worst = 0.0
    for seed in range(1, 6):
        with podsteam.connect("sim", seed=seed, interpreter="cpython", ticks_offset_ms=1000 * seed, **options) as dev:
            dev.port.clock.sleep(0.0071 * seed)
            found = measure(dev)
            device_ms = found.at_s * 1000 + 1000 * seed
            worst = max(worst, abs(found.device_ms - device_ms))
    return worst


def test_link_clock(record_figure: Callable[[str, float, str, str, bool, str], None]) -> None:
    errors = {}
    for latency in (0, 1, 16):
        for baud in (115200, 921600):
            line = {"latency_ms": latency}
            errors[latency, baud] = worst_ms(baud=baud, line=line)
    errors["noisy", 115200] = worst_ms(line={"latency_ms": 1, "flip_ppm": 3000})
    worst = max(errors.values())
    context = (
        "best of eight pings; adapter latency 0 to 16 ms, 115200 and 921600 baud, and a line with 0.3 % wrong bytes"
    )
    record_figure("link/clock", round(worst, 2), "ms", "<= 1", worst <= 1.0, context)
    assert worst <= 1.0, errors


def test_a_device_time_becomes_the_ports_across_the_wrap() -> None:
    found = ClockOffset(100.0, (1 << 30) - 500, 0.001)
    assert found.host_s((1 << 30) - 1500) == pytest.approx(99.0)
    assert found.host_s(500) == pytest.approx(101.0)
