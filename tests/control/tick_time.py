# SPDX-License-Identifier: Apache-2.0
"""How long a whole tick takes. Runs on MicroPython.

    micropython -m tick_time RECORDING STATE

The firmware replays a recorded session (`tests/alone`); only ticks in the session's state STATE count. Prints their
mean time in microseconds (the best run of five), their number, and the bytes that all ticks allocated.
"""

import sys
import time

import micropython
import replay

from podsteam_firmware.loop import Loop


class Timed(replay.Measured):
    """Counts the ticks in one state, and sums up what they take."""

    def __init__(self, core, state):
        super().__init__(core)
        self._state = state
        self._session = core.session
        self.timed = 0
        self.us = 0

    def step(self, now_ms, inputs):
        if self._session.state != self._state:
            return super().step(now_ms, inputs)
        before = micropython.mem_total()
        micropython.heap_lock()
        begin = time.ticks_us()
        try:
            outputs = self._core.step(now_ms, inputs)
            self.us += time.ticks_diff(time.ticks_us(), begin)
        finally:
            micropython.heap_unlock()
        self.tick_bytes += micropython.mem_total() - before
        self.timed += 1
        return outputs


def run(path, state):
    """Replay once."""
    replay.collect()
    hal = replay.ReplayHal(path)
    loop = Loop(hal)
    timed = Timed(loop.core, state)
    loop.core = timed
    while not hal.ended:
        loop.turn()
    return timed


def main(path, state):
    """Print what was measured."""
    runs = [run(path, state) for _ in range(5)]
    best = min([one.us / one.timed for one in runs])
    print('{"us": %f, "ticks": %d, "bytes": %d}' % (best, runs[0].timed, runs[0].tick_bytes))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
