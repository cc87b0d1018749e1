# SPDX-License-Identifier: Apache-2.0
"""The named loop: a million rounds of integer arithmetic. Prints its best time of seven in microseconds."""

import time


def named_loop(rounds):
    x = 1
    for _ in range(rounds):
        x = (x * 1103 + 12345) & 0xFFFFF
    return x


def clock_us():
    return time.ticks_us() if hasattr(time, "ticks_us") else time.perf_counter_ns() // 1000


best = 1 << 60
for _ in range(7):
    begin = clock_us()
    named_loop(1_000_000)
    best = min(best, clock_us() - begin)
print(best)
