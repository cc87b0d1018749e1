# SPDX-License-Identifier: Apache-2.0
"""The line's rate, negotiated with the real firmware: raised, given up, and back at the first whatever happens."""

import random
from collections.abc import Iterator

import pytest

import podsteam
from podsteam import bulk, errors
from podsteam.client import Device
from podsteam.rate import RATES, WORTH_BYTES, can_raise, lower, raise_rate, raised
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m

INBOX = m.BlobValue.INBOX
DATA = random.Random(5).randbytes(40_000)


def sim(device: Device) -> SimPort:
    assert isinstance(device.port, SimPort)
    return device.port


@pytest.fixture(params=["cpython", "micropython"])
def dev(request: pytest.FixtureRequest) -> Iterator[Device]:
    with podsteam.connect("sim", seed=31, interpreter=request.param) as device:
        yield device
        assert sim(device).control({"do": "state"})["crashes"] == []


def rate_of(device: Device) -> int:
    """What the device says, at the rate at which it is asked."""
    return device.request(m.BaudRequest(0), m.BaudReply).baud


def seconds(device: Device) -> float:
    start = device.port.clock.now()
    assert bulk.pull(device, INBOX, 1) == DATA
    return device.port.clock.now() - start


def test_large_transfers_raise_the_rate_and_lower_it_again(dev: Device) -> None:
    bulk.push(dev, INBOX, 1, DATA)
    quick = seconds(dev)
    assert (sim(dev).baud, rate_of(dev)) == (115_200, 115_200)
    dev.most_baud = 0
    assert seconds(dev) > 5 * quick


def test_the_rate_while_it_is_raised(dev: Device) -> None:
    with raised(dev, WORTH_BYTES):
        assert (sim(dev).baud, rate_of(dev)) == (921_600, 921_600)
    assert (sim(dev).baud, rate_of(dev)) == (115_200, 115_200)


def test_small_ones_leave_it_alone(dev: Device) -> None:
    with raised(dev, WORTH_BYTES - 1):
        assert rate_of(dev) == 115_200


@pytest.mark.parametrize("most", [460_800, 230_400, 115_200])
def test_an_adapter_that_does_less(dev: Device, most: int) -> None:
    sim(dev).control({"do": "line", "most_baud": most})
    with raised(dev, 1_000_000):
        assert rate_of(dev) == most
    assert dev.most_baud == min(rate for rate in RATES if rate > most) - 1
    # What did not work is not tried a second time.
    assert can_raise(dev) == (most > 115_200)
    start = dev.port.clock.now()
    with raised(dev, 1_000_000):
        assert rate_of(dev) == most
    assert dev.port.clock.now() - start < 0.2


def test_a_port_that_refuses_the_rate(dev: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sim(dev).set_baud

    def picky(baud: int) -> None:
        if baud > 460_800:
            raise errors.UsageProblem("no")
        real(baud)

    monkeypatch.setattr(dev.port, "set_baud", picky)
    with raised(dev, 1_000_000):
        assert rate_of(dev) == 460_800


def test_a_host_that_was_killed_costs_the_next_one_a_second(dev: Device) -> None:
    assert raise_rate(dev) is not None
    port = sim(dev)
    port.control({"do": "rate", "baud": 115_200})
    port.baud = 115_200
    start = port.clock.now()
    dev.reconnect()
    assert port.clock.now() - start < 2.5
    assert rate_of(dev) == 115_200


def test_silence_ends_it(dev: Device) -> None:
    before = raise_rate(dev)
    assert before is not None
    assert (before.first, before.silence_ms) == (115_200, 1000)
    sim(dev).run(0.9)
    assert rate_of(dev) == 921_600
    sim(dev).run(1.2)
    sim(dev).set_baud(115_200)
    assert rate_of(dev) == 115_200


def test_telemetry_does_not_keep_it_up(dev: Device) -> None:
    """What the device says is no sign that it is heard."""
    dev.subscribe(100)
    assert raise_rate(dev) is not None
    sim(dev).run(2.0)
    sim(dev).set_baud(115_200)
    assert rate_of(dev) == 115_200


def test_a_lost_reply_is_made_up_for(dev: Device) -> None:
    """The device has changed over, the host has not: both meet at the first rate."""
    sim(dev).control({"do": "line", "half_open": "up"})
    dev.link.send(m.BaudRequest(921_600))
    sim(dev).run(0.2)
    sim(dev).control({"do": "line"})
    with pytest.raises(errors.DeviceSilent):
        dev.status()
    assert dev.request(m.BaudRequest(0), m.BaudReply).baud == 115_200


def test_a_cable_that_comes_out_while_it_is_raised(dev: Device) -> None:
    port = sim(dev)
    cut = False

    def out(done: int, _: int) -> None:
        nonlocal cut
        if done > 12_000 and not cut:
            cut = True
            port.unplug()
            port.run(0.3)

    bulk.push(dev, INBOX, 1, DATA, out)
    assert cut
    assert bulk.pull(dev, INBOX, 1) == DATA
    assert rate_of(dev) == 115_200


def test_a_line_that_turns_bad_only_at_the_higher_rate(dev: Device) -> None:
    """It is given up for good, and the transfer ends all the same."""
    port = sim(dev)

    def bad(done: int, _: int) -> None:
        if done > 12_000 and port.baud == 921_600:
            port.control({"do": "line", "most_baud": 460_800})
            port.set_baud(921_600)

    bulk.push(dev, INBOX, 1, DATA, bad)
    assert dev.most_baud < 921_600
    assert bulk.pull(dev, INBOX, 1) == DATA
    assert rate_of(dev) == 115_200


@pytest.mark.parametrize("baud", [1, 9600, 115_201, 250_000, 1_000_000, 4_294_967_295])
def test_other_rates_are_refused(dev: Device, baud: int) -> None:
    with pytest.raises(errors.Refused) as caught:
        dev.request(m.BaudRequest(baud), m.BaudReply)
    assert caught.value.name == "OUT_OF_RANGE"
    assert rate_of(dev) == 115_200


def test_not_while_a_session_runs_but_back_at_any_time(dev: Device) -> None:
    before = raise_rate(dev)
    assert before is not None
    dev.arm()
    sim(dev).control({"do": "press"})
    deadline = dev.port.clock.now() + 5
    while not dev.status().flags & m.FlagBits.RELAY and dev.port.clock.now() < deadline:
        dev.poll(0.2)
    with pytest.raises(errors.Refused) as caught:
        dev.request(m.BaudRequest(460_800), m.BaudReply)
    assert caught.value.name == "BUSY_SESSION"
    lower(dev, before)
    assert rate_of(dev) == 115_200
    dev.stop_and_prove()


def test_a_restart_is_at_the_first_rate(dev: Device) -> None:
    assert raise_rate(dev) is not None
    sim(dev).control({"do": "reset", "cause": "power"})
    sim(dev).set_baud(115_200)
    sim(dev).run(1.0)
    assert not dev.reconnect()
    assert rate_of(dev) == 115_200
