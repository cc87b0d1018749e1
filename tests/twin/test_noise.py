# SPDX-License-Identifier: Apache-2.0
"""The line's laboratory: mishaps at their rate, the same by seed; transfers that come through them unharmed."""

import random

import pytest
from noise_runs import goodput

import podsteam
from podsteam import bulk, errors
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m
from podsteam_twin.noise import LINE, Noise
from podsteam_twin.uart import Uart

DATA = random.Random(4).randbytes(16_000)


@pytest.mark.parametrize("key", ["flip_ppm", "drop_ppm", "twice_ppm", "insert_ppm"])
@pytest.mark.parametrize("pieces", [1, 37, 1000])
def test_mishaps_come_at_their_rate_whatever_the_pieces(key: str, pieces: int) -> None:
    noise = Noise({key: 5000}, 3)
    sent = bytes(200_000)
    out = b"".join(noise.apply(sent[at : at + pieces]) for at in range(0, len(sent), pieces))
    assert noise.damaged == pytest.approx(1000, rel=0.15)
    grown = {"flip_ppm": 0, "drop_ppm": -1, "twice_ppm": 1, "insert_ppm": 1}[key]
    assert len(out) == len(sent) + grown * noise.damaged


def test_bits_are_turned_one_at_a_time_and_evenly() -> None:
    noise = Noise({"bit_ppb": 1_000_000}, 5)
    out = noise.apply(bytes(400_000))
    assert {value for value in out if value} <= {1, 2, 4, 8, 16, 32, 64, 128}
    assert sum(1 for value in out if value) == pytest.approx(3200, rel=0.1)
    assert min(out.count(1 << bit) for bit in range(8)) > 300


def test_a_burst_hits_neighbours() -> None:
    noise = Noise({"flip_ppm": 100, "burst": 5}, 6)
    out = noise.apply(bytes(100_000))
    first = next(i for i, value in enumerate(out) if value)
    assert all(out[first : first + 5]) and not any(out[first + 5 : first + 10])


def test_the_same_seed_gives_the_same_mishaps() -> None:
    settings = {"bit_ppb": 100_000, "drop_ppm": 500, "insert_ppm": 500}
    assert Noise(settings, 7).apply(DATA) == Noise(settings, 7).apply(DATA) != Noise(settings, 8).apply(DATA)
    assert Noise({}, 7).apply(DATA) == DATA


def test_latency_shifts_both_ways_and_loses_nothing() -> None:
    uart = Uart()
    uart.latency_us = 16_000
    uart.host_send(0, b"abc")
    buf = bytearray(8)
    assert uart.device_read(16_000, buf) == 0
    assert uart.device_read(16_300, buf) == 3
    uart.device_write(20_000, b"xyz", 3)
    assert uart.next_tx_us() == 20_000 + 261 + 16_000
    assert uart.host_receive(36_000) == b"" and not uart.has_left(36_000)
    assert uart.host_receive(36_300) == b"xyz"


@pytest.mark.parametrize(
    ("settings", "word"), [({"speed": 1}, "unknown key"), ({"way": "left"}, "way"), ({"bit_ppb": 2e9}, "rate")]
)
def test_a_wrong_line_is_refused(settings: dict[str, object], word: str) -> None:
    with podsteam.connect("sim", seed=1, interpreter="cpython") as dev:
        assert isinstance(dev.port, SimPort)
        with pytest.raises(errors.UsageProblem, match=word):
            dev.port.control({"do": "line", **settings})
    assert "latency_ms" in LINE


@pytest.mark.parametrize("bit_ppb", [1000, 100_000, 1_000_000])
def test_nothing_is_invented_and_resynchronisation_is_at_once(bit_ppb: int) -> None:
    sent, arrived, invented, damaged, bits = goodput(bit_ppb, 4000)
    assert invented == 0
    assert arrived / sent >= 0.9 * (1 - bit_ppb / 1e9) ** bits
    assert sent - arrived <= 1.05 * damaged + 1


BAD = (
    {"flip_ppm": 300},
    {"bit_ppb": 100_000},
    {"flip_ppm": 50, "burst": 12},
    {"drop_ppm": 200, "twice_ppm": 200, "insert_ppm": 200},
    {"latency_ms": 16, "flip_ppm": 100},
)


@pytest.mark.parametrize("line", BAD)
def test_blobs_come_through_a_bad_line_unharmed(line: dict[str, float]) -> None:
    with podsteam.connect("sim", seed=9, interpreter="cpython", line=line) as dev:
        bulk.push(dev, m.BlobValue.INBOX, 1, DATA)
        assert bulk.pull(dev, m.BlobValue.INBOX, 1) == DATA


def test_both_interpreters_have_the_same_mishaps() -> None:
    found = []
    for interpreter in ("cpython", "micropython"):
        with podsteam.connect("sim", seed=9, interpreter=interpreter, line={"flip_ppm": 3000}) as dev:
            for _ in range(40):
                dev.status()
            found.append((dev.port.clock.now(), dev.link.retries))
    assert found[0] == found[1] and found[0][1] > 0


def test_a_second_host_takes_the_line_over_and_the_first_one_is_told() -> None:
    """Both talk on one line: the last HELLO counts, a transfer of the other ends, and no lease is stolen."""
    with podsteam.connect("sim", seed=10, interpreter="cpython") as dev:
        bulk.push(dev, m.BlobValue.INBOX, 1, DATA)
        dev.request(m.BlobReadRequest(m.BlobValue.INBOX, 1, 0, len(DATA), len(DATA)), m.BlobReadReply)
        dev.arm("gentle")
        other = 0x5EC07D
        dev.request(m.HelloRequest(other, m.MAJOR, m.MINOR), m.HelloReply)
        with pytest.raises(errors.Refused, match="LEASE_HELD"):
            dev.request(m.ArmRequest(other, bytes(16)), m.ArmReply)
        dev.port.clock.sleep(0.1)
        dev.link.receive(0)
        got: list[bytes] = []
        dev.link.on_bulk = got.append
        dev.port.clock.sleep(0.5)
        dev.link.receive(0)
        assert not got
        assert dev.request(m.StopRequest(), m.StopReply).state is not None
