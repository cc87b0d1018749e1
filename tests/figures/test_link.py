# SPDX-License-Identifier: Apache-2.0
"""What the link brings of what the line could: blobs, bad lines, disconnects, and what telemetry costs the device."""

import random
from collections.abc import Callable
from pathlib import Path

from noise_runs import goodput

import podsteam
from podsteam import bulk
from podsteam.client import Device
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m

Record = Callable[[str, float, str, str, bool, str], None]
INBOX = m.BlobValue.INBOX
DATA = random.Random(1).randbytes(131_072)
DISCONNECTS = 10_000


def open_sim(seed: int, **options: object) -> Device:
    """A board whose line stays at the rate it starts with, unless it is told otherwise."""
    device = podsteam.connect("sim", seed=seed, interpreter="cpython", **options)
    device.most_baud = 0
    return device


def pulled(baud: int, line: dict[str, float]) -> float:
    """Part of the line rate at which a blob of 128 KiB comes, checksums and all."""
    with open_sim(7, baud=baud) as dev:
        bulk.push(dev, INBOX, 1, DATA)
        assert isinstance(dev.port, SimPort)
        dev.port.control({"do": "line", **line})
        for _ in range(4):
            dev.status()
        start = dev.port.clock.now()
        assert bulk.pull(dev, INBOX, 1) == DATA
        return len(DATA) * 10 / baud / (dev.port.clock.now() - start)


def test_link_pull(record_figure: Record) -> None:
    for latency, bar in ((1, 0.92), (16, 0.90)):
        rates = {baud: pulled(baud, {"latency_ms": latency}) for baud in (115200, 921600)}
        worst = min(rates.values())
        shown = ", ".join(f"{baud}: {rate:.3f}" for baud, rate in rates.items())
        record_figure(
            f"link/pull_{latency}ms",
            round(worst, 3),
            "of line rate",
            f">= {bar}",
            worst >= bar,
            f"128 KiB from the device's flash, SHA-256 of every 8192 bytes included, adapter latency {latency} ms "
            f"each way; {shown}; virtual time",
        )


def test_link_pull_errors(record_figure: Record) -> None:
    rate = pulled(115200, {"latency_ms": 1, "flip_ppm": 100})
    context = "128 KiB at 115200, one byte in 10,000 wrong, both ways; content identical; virtual time"
    record_figure("link/pull_errors", round(rate, 3), "of line rate", ">= 0.85", rate >= 0.85, context)


def test_link_raised(record_figure: Record) -> None:
    """What a raised rate brings, the negotiation there and back included."""
    shown: dict[int, float] = {}
    for latency in (1, 16):
        with open_sim(7) as dev:
            bulk.push(dev, INBOX, 1, DATA)
            assert isinstance(dev.port, SimPort)
            dev.port.control({"do": "line", "latency_ms": latency})
            dev.most_baud = 921_600
            start = dev.port.clock.now()
            assert bulk.pull(dev, INBOX, 1) == DATA
            assert dev.port.baud == 115_200
            shown[latency] = len(DATA) * 10 / 921_600 / (dev.port.clock.now() - start)
    worst = min(shown.values())
    context = (
        "128 KiB from the device's flash, with raising the line from 115200 to 921600 for it, and lowering it; "
        f"adapter latency 1 ms {shown[1]:.3f}, 16 ms {shown[16]:.3f}; virtual time"
    )
    record_figure("link/raised", round(worst, 3), "of the raised line rate", ">= 0.8", worst >= 0.8, context)


def test_link_push(record_figure: Record) -> None:
    lost = 0
    with open_sim(8, rx_ring=259) as dev:
        dev.most_baud = 921_600
        assert isinstance(dev.port, SimPort)
        bulk.push(dev, INBOX, 1, DATA[:32_768])
        lost = dev.port.control({"do": "state"})["rx_lost"]
        assert bulk.pull(dev, INBOX, 1) == DATA[:32_768]
    context = "32 KiB at up to 921600 baud through the 259-byte ring, flash written meanwhile (45 ms an erase)"
    record_figure("link/push_259", lost, "bytes lost", "0", lost == 0, context)
    with open_sim(8) as dev:
        start = dev.port.clock.now()
        bulk.push(dev, INBOX, 1, DATA)
        rate = len(DATA) * 10 / 115200 / (dev.port.clock.now() - start)
    context = (
        "128 KiB at 115200 through the 4096-byte ring into flash (45 ms an erase), proved by SHA-256; virtual time"
    )
    record_figure("link/push_4096", round(rate, 3), "of line rate", ">= 0.90", rate >= 0.90, context)


def test_link_goodput(record_figure: Record) -> None:
    worst, resync, invented = 9.0, 0.0, 0
    for bit_ppb, count in ((1_000, 60_000), (10_000, 40_000), (100_000, 20_000), (1_000_000, 20_000)):
        sent, arrived, found, damaged, bits = goodput(bit_ppb, count, seed=bit_ppb)
        worst = min(worst, arrived / sent / (1 - bit_ppb / 1e9) ** bits)
        resync = max(resync, (sent - arrived) / max(1, damaged))
        invented += found
    context = f"telemetry frames, bit errors 1e-6 to 1e-3, the worst; {invented} invented; over (1-p)^bits of a frame"
    record_figure("link/goodput", round(worst, 3), "of the bound", ">= 0.9", worst >= 0.9 and not invented, context)
    context = "frames lost for each damaged byte, the worst of the same runs"
    record_figure("link/resync", round(resync, 3), "frames", "<= 1.05", resync <= 1.05, context)


def test_link_events_lost(record_figure: Record) -> None:
    """The cable comes out at random, things happen meanwhile, now and then a restart; every event comes once."""
    chance = random.Random(11)
    wrong = seen = restarts = 0
    with open_sim(11) as dev:
        port = dev.port
        assert isinstance(port, SimPort)
        dev.follow()
        expected = dev.link.order.expected
        for i in range(DISCONNECTS):
            port.unplug()
            if chance.random() < 0.3:
                port.control({"do": "press", "ms": 100})
            if i % 500 == 499:
                port.control({"do": "reset", "cause": "power"})
            port.run(chance.uniform(0.01, 0.3))
            same = dev.reconnect()
            if not same:
                restarts += 1
                expected = 0
            for _ in range(chance.randrange(1, 4)):
                for message in dev.poll(0.02):
                    if isinstance(message, m.Event):
                        wrong += message.number != expected
                        expected = (message.number + 1) & 0xFFFF
                        seen += 1
        dev.port.clock.sleep(1.0)
        lost = dev.link.order.lost + wrong
    context = f"{DISCONNECTS} disconnects, {restarts} restarts among them, {seen} events, each once and in order"
    record_figure("link/events_lost", lost, "events", "0", lost == 0, context)


def test_link_encode(record_figure: Record, run_micropython: Callable[..., str]) -> None:
    """Telemetry of the firmware against json.dumps of the same values, on the same interpreter in the same minute."""
    out = run_micropython(Path(__file__).with_name("encode_times.py"), heap="2m")
    frame_us, json_us, frame_b, json_b = map(float, out.split())
    ratio = frame_us / json_us
    context = (
        f"payload, CRC and COBS in place, {frame_us:.1f} us against {json_us:.1f} us; json.dumps without frame or check"
    )
    record_figure("link/encode", round(ratio, 2), "x json.dumps", "<= 0.75", ratio <= 0.75, context)
    context = f"garbage of a frame by gc.mem_alloc on 64-bit MicroPython; json.dumps leaves {json_b:.0f}"
    record_figure("link/encode_garbage", frame_b, "B", "0", frame_b == 0, context)
