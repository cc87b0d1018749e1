# SPDX-License-Identifier: Apache-2.0
"""Fifty simulated hours of ordinary use on drawn boilers, in two processes. `make safety` lives a thousand."""

import multiprocessing
from collections.abc import Callable

import false_trips

HOURS = 50
FIRST = 5001
"""Units that the long run does not have."""


def test_false_trips(record_figure: Callable[[str, float, str, str, bool, str], None]) -> None:
    with multiprocessing.Pool(2) as pool:
        lives = list(pool.imap_unordered(false_trips.live, range(FIRST, FIRST + HOURS)))
    row = false_trips.trips_row("safety/false_trips", lives, HOURS)
    record_figure(row["name"], row["value"], row["unit"], row["bar"], row["holds"], row["context"])
    assert row["holds"]
