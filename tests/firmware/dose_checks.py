# SPDX-License-Identifier: Apache-2.0
"""Doser and reader on whatever interpreter runs this: the same story on both, and a tick that allocates nothing."""

import binascii
import gc
import struct
import sys

from dose_bench import DoseBench
from podlet_bench import Bench

from podsteam_firmware.podlet import reader as rd
from podsteam_firmware.podlet.record import Record
from podsteam_twin import podlets

if sys.implementation.name == "micropython":
    from micropython import heap_lock, heap_unlock

    mem_alloc = gc.mem_alloc  # type: ignore[attr-defined]
else:
    # CPython has no such thing to ask.
    def heap_lock() -> None: ...

    def heap_unlock() -> None: ...

    def mem_alloc() -> int:
        return 0


def whole_session(start_ms: int) -> "list[str]":
    """A session with shots given, reduced, refused, cut and stopped by removal, as its events."""
    bench = DoseBench(start_ms)
    bench.doser.start(1, 12, 12, 60_000, 3, 20_500)
    bench.run(5)
    bench.outlet_cdeg = 2000
    bench.run(20)
    bench.outlet_cdeg = 4500
    bench.reader.fail_writes = 1
    bench.run(12)
    bench.reader.flow_nl_ms = 60
    bench.run_until(lambda b: b.doser.pulse_us > 0)
    bench.inputs.latch_closed = False
    bench.run(1)
    bench.inputs.latch_closed = True
    bench.run(13)
    bench.reader.remove()
    bench.run(5)
    return ["%d %d %d" % event for event in bench.sink.all()]


def tick_bytes() -> int:
    """Bytes that the ticks of a session leave on the heap; each runs with the heap locked."""
    bench = DoseBench()
    doser = bench.doser
    reader = bench.reader
    inputs = bench.inputs
    doser.start(1, 12, 12, 60_000, 3, 20_500)
    now_ms = 0
    shots = 0
    left = 0
    gc.collect()
    gc.disable()
    for i in range(1200):
        steam_s = i // 20
        outlet_cdeg = 2000 if 300 < i < 520 else 4500
        latch_closed = not 900 < i < 910
        inputs.latch_closed = latch_closed
        before = mem_alloc()
        heap_lock()
        doser.steam_s = steam_s
        doser.outlet_cdeg = outlet_cdeg
        doser.steam_ok = True
        doser.step(now_ms, inputs, True)
        heap_unlock()
        left += mem_alloc() - before
        if doser.pulse_us:
            shots += 1
            inputs.coil_pulses += 1
        reader.tick()
        now_ms += 50
    gc.enable()
    assert shots >= 3 and bench.sink.count > 6
    return left


def reader_story() -> "list[str]":
    """A podlet comes, is dosed from, is swapped and goes, as (time, state, doses left)."""
    bench = Bench(start_ms=0x3FFFF000)
    lines = []

    def note(what: str) -> None:
        reader = bench.reader
        lines.append("%s %d %d %d %d" % (what, bench.t_us, reader.state, reader.doses_left, bench.transfers))

    bench.run(600)
    bench.place(podlets.demo("demo"))
    bench.run_until(lambda reader: reader.usable())
    note("read")
    for dose in range(1, 4):
        assert bench.reader.note_dose(dose, 50_000, 1, 20_500)
        bench.run_until(lambda reader: reader.write_state != rd.WRITE_BUSY)
        assert bench.reader.write_state == rd.WRITE_DONE
        note("written")
    bench.bus_error = 2
    bench.run(1000)
    note("mended")
    bench.place(podlets.demo("fragile"))
    bench.run(1000)
    note("swapped")
    bench.chip.silent = True
    bench.run(2000)
    note("silent")
    bench.chip.silent = False
    bench.run(5000)
    note("back")
    bench.place(None)
    bench.run(1000)
    note("gone")
    return lines


def mutated_images() -> "list[str]":
    """Tag images with a few bytes changed, some of them with a right CRC again: what each parse says."""
    original = bytearray(podlets.demo("demo").image())
    record = Record()
    assert record.parse(original, len(original))
    main_at, main_end = record.main_at, record.main_at + record.main_size
    crc_at = original.find(struct.pack(">I", binascii.crc32(memoryview(original)[main_at:main_end])))
    lines = []
    seed = 1
    for i in range(400):
        image = bytearray(original)
        for _ in range(1 + i % 3):
            seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
            image[16 + (seed >> 8) % 260] = seed >> 20 & 0xFF
        if i & 1:
            struct.pack_into(">I", image, crc_at, binascii.crc32(memoryview(image)[main_at:main_end]))
        good = record.parse(image, len(image))
        lines.append("%d %d %d" % (good, sum(record.values), record.doses_used))
    return lines


def report() -> "list[str]":
    """All of it, line by line."""
    return (
        whole_session(0)
        + whole_session(0x3FFFFF00)
        + ["%d bytes in all ticks" % tick_bytes()]
        + reader_story()
        + mutated_images()
    )


if __name__ == "__main__":
    print("\n".join(report()))
