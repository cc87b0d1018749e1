# SPDX-License-Identifier: Apache-2.0
"""A HAL that answers from a recording, and a main that runs the whole firmware on it. Runs on MicroPython alone.

    micropython -X heapsize=170k -m replay RECORDING [measure]

The recording holds the result of every verb in the order of the calls; a firmware that calls anything else than it
did when it was recorded is stopped at once. Prints one line of figures.
"""

import gc
import struct
import sys

import micropython

from podsteam_firmware.loop import Loop

OPS = (
    "now_ms",
    "wait",
    "unix_s",
    "sample",
    "burst_busy",
    "valve_busy",
    "nfc_write",
    "nfc_read",
    "nfc_ready",
    "link_read",
    "link_write",
    "file_read",
    "file_read_at",
    "file_write",
    "file_append",
    "file_remove",
    "file_list",
    "random",
    "ring_size",
    "ring_read",
    "ring_program",
    "ring_erase",
)
FIELDS = (
    "sampled_ms",
    "wall_uv",
    "water_uv",
    "outlet_uv",
    "reference_uv",
    "mains_uv",
    "zero_cross",
    "load_halves",
    "burst_halves",
    "coil_pulses",
)
SWITCHES = ("water_ok", "latch_closed", "upright", "drained", "button", "coil_on")
SAMPLE_FMT = "<10iB"
IDENTITY_FMT = "<6sIBIH8s"
"""uid, boot_id, reset_cause, caps, rx_window, firmware_hash."""


class ReplayHal:
    """The verbs, from a file. Verbs without a result do nothing."""

    speed = 1
    slot = 2
    board = "replay"

    def __init__(self, path):
        self._file = open(path, "rb")
        self._small = bytearray(8)
        self._sample = bytearray(struct.calcsize(SAMPLE_FMT))
        self._calls = 0
        self.ended = False
        raw = self._file.read(struct.calcsize(IDENTITY_FMT))
        self.uid, self.boot_id, self.reset_cause, self.caps, self.rx_window, self.firmware_hash = struct.unpack(
            IDENTITY_FMT, raw
        )

    def _result(self, op):
        """The next result, an integer; the call must be the one that was recorded."""
        small = self._small
        if self._file.readinto(small) != 8:
            self.ended = True
            return 0
        self._calls += 1
        if small[0] != op:
            raise RuntimeError("call %d: %s, recorded: %s" % (self._calls, OPS[op], OPS[small[0]]))
        if not small[7]:
            # Without a tuple, for the verbs that a tick calls with the heap locked.
            return small[4] | small[5] << 8 | small[6] << 16
        return struct.unpack_from("<i", small, 4)[0]

    def now_ms(self):
        return self._result(0)

    def wait(self, until_ms):
        return self._result(1)

    def unix_s(self):
        return self._result(2)

    def sample(self, inputs):
        self._result(3)
        self._file.readinto(self._sample)
        values = struct.unpack(SAMPLE_FMT, self._sample)
        for i in range(10):
            setattr(inputs, FIELDS[i], values[i])
        for i in range(5):
            setattr(inputs, SWITCHES[i], bool(values[10] >> i & 1))

    def burst_busy(self):
        return bool(self._result(4))

    def valve_busy(self):
        return bool(self._result(5))

    def nfc_write(self, buf, length):
        return self._result(6)

    def nfc_read(self, buf, length):
        return self._into(7, buf)

    def nfc_ready(self):
        return bool(self._result(8))

    def link_read(self, buf):
        return self._into(9, buf)

    def link_write(self, buf, length):
        return self._result(10)

    def file_read(self, name, limit=4096):
        length = self._result(11)
        return self._file.read(length) if length >= 0 else None

    def file_read_at(self, name, offset, buf):
        return self._into(12, buf)

    def file_write(self, name, data):
        return bool(self._result(13))

    def file_append(self, name, data):
        return bool(self._result(14))

    def file_remove(self, name):
        return bool(self._result(15))

    def file_list(self, folder):
        names = []
        for _ in range(self._result(16)):
            size = self._result(16)
            names.append((self._file.read(self._result(16)).decode(), size))
        return names

    def random(self):
        return self._result(17)

    def ring_size(self):
        return self._result(18)

    def ring_read(self, offset, buf):
        length = self._result(19)
        if length > 0:
            self._file.readinto(buf)
        return length

    def ring_program(self, offset, buf, length):
        return self._result(20) != 0

    def ring_erase(self, sector):
        return self._result(21) != 0

    def _into(self, op, buf):
        length = self._result(op)
        if length > 0:
            self._file.readinto(memoryview(buf)[:length])
        return length

    def burst(self, pattern, cycles, cycle_us):
        pass

    def burst_abort(self):
        pass

    def heartbeat(self):
        pass

    def valve_pulse(self, width_us):
        pass

    def valve_abort(self):
        pass

    def light(self, lamps):
        pass

    def beep(self, sound):
        pass

    def nfc_reset(self, active):
        pass

    def feed(self):
        pass


class Measured:
    """Stands in for the core in the loop: every tick runs with the heap locked and its bytes counted."""

    def __init__(self, core):
        self._core = core
        self.outputs = core.outputs
        self.sense = core.sense
        self.port = core.port
        self.pump = core.pump
        self.next_burst = core.next_burst
        self.ticks = 0
        self.tick_bytes = 0

    def step(self, now_ms, inputs):
        core = self._core
        before = micropython.mem_total()
        micropython.heap_lock()
        try:
            outputs = core.step(now_ms, inputs)
        finally:
            micropython.heap_unlock()
        self.tick_bytes += micropython.mem_total() - before
        self.ticks += 1
        return outputs


def collect():
    """Collect garbage, unless the collector is off because it cannot be trusted (the 32-bit WebAssembly build)."""
    if gc.isenabled():
        gc.collect()


def main(path, measure):
    """Run the recording to its end."""
    collect()
    imported = gc.mem_alloc()
    hal = ReplayHal(path)
    loop = Loop(hal)
    measured = Measured(loop.core)
    if measure:
        loop.core = measured
    collect()
    built = gc.mem_alloc()
    turns = 0
    peak = built
    while not hal.ended:
        loop.turn()
        turns += 1
        if not measure and turns % 500 == 0:
            collect()
            peak = max(peak, gc.mem_alloc())
    print(
        '{"turns": %d, "imported": %d, "built": %d, "live_peak": %d, "ticks": %d, "tick_bytes": %d}'
        % (turns, imported, built, peak, measured.ticks, measured.tick_bytes)
    )


if __name__ == "__main__":
    main(sys.argv[1], "measure" in sys.argv)
