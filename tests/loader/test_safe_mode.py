# SPDX-License-Identifier: Apache-2.0
"""The simulated board starts through the real loader, and the host library talks to what came of it."""

from typing import Any

import pytest

from podsteam.client import Device
from podsteam.errors import Refused
from podsteam.wire import messages as w
from podsteam_loader import mark, record
from podsteam_protocol import frame
from podsteam_protocol import messages as m
from podsteam_twin import launch

KINDS = ["cpython", "micropython"]


def device(interpreter: str, *slots: str, **options: Any) -> Device:
    return Device.open("sim", interpreter=interpreter, seed=4, slots=list(slots), **options)


def truth(device: Device) -> dict[str, Any]:
    return device.port.control({"do": "state"})  # type: ignore[attr-defined]


def reopened(device: Device) -> w.HelloReply:
    """Greet again after the board restarted."""
    device.link.boot_id = -1
    return device.request(w.HelloRequest(device.token, w.MAJOR, w.MINOR), w.HelloReply)


def console(device: Device) -> bytes:
    """The text that came, or comes within half a second."""
    device.port.clock.sleep(0.5)
    return b"".join(each.text for each in device.poll(0.1) if isinstance(each, w.Console))


@pytest.mark.parametrize("interpreter", KINDS)
def test_a_host_meets_safe_mode(interpreter: str) -> None:
    with device(interpreter, "corrupt", "empty", reset_cause=m.RESET_WATCHDOG) as steamer:
        assert steamer.hello.caps == w.CapBits.SAFE_MODE | w.CapBits.SIMULATED
        assert steamer.hello.reset_cause == w.ResetValue.WATCHDOG
        assert steamer.hello.major == w.MAJOR
        assert steamer.request(w.PingRequest(77), w.PingReply).host_us == 77
        assert steamer.stop().state == w.StateValue.IDLE
        with pytest.raises(Refused, match="safe mode") as caught:
            steamer.status()
        assert (caught.value.code, caught.value.name) == (504, "SAFE_MODE")
        for ask in (steamer.arm, steamer.info, steamer.programs, steamer.podlet):
            with pytest.raises(Refused, match="install the firmware again"):
                ask()
        text = console(steamer)
        assert text.startswith(b"Safe mode: no application could be started.")
        state = truth(steamer)
        assert (state["slot"], state["relay_closed"], state["burst"], state["lease_ms"]) == ("", False, False, 0)
        assert (state["load_halves"], state["delivered_nl"], state["crashes"]) == (0, 0, [])


@pytest.mark.parametrize("interpreter", KINDS)
@pytest.mark.parametrize(
    ("slots", "options", "slot"),
    [
        (("good", "empty"), {}, "a"),
        (("corrupt", "good"), {}, "b"),
        (("good", "good"), {"boot_record": record.Record(1, 2, 0, 1).pack().hex()}, "b"),
        (("good", "good"), {"boot_record": record.Record(1, 2, 0, 1).pack()[:7].hex()}, "a"),
    ],
)
def test_a_good_slot_runs_the_firmware(interpreter: str, slots: tuple[str, str], options: dict[str, Any], slot) -> None:
    with device(interpreter, *slots, **options) as steamer:
        assert not steamer.hello.caps & w.CapBits.SAFE_MODE
        assert steamer.status().state == w.StateValue.IDLE
        assert truth(steamer)["slot"] == slot


@pytest.mark.parametrize("interpreter", KINDS)
@pytest.mark.parametrize(("kind", "cause"), [("raises", m.RESET_HARD), ("hangs", m.RESET_WATCHDOG)])
def test_the_only_slot_fails_three_times_into_safe_mode(interpreter: str, kind: str, cause: int) -> None:
    with device(interpreter, kind, "empty") as steamer:
        steamer.port.clock.sleep(10)
        steamer.link.stray.clear()
        assert reopened(steamer).caps & w.CapBits.SAFE_MODE
        assert reopened(steamer).reset_cause == cause
        text = console(steamer)
        assert (b"an application that cannot run" in text) == (kind == "raises")
        assert len(truth(steamer)["crashes"]) == (3 if kind == "raises" else 0)
        # Neither the watchdog nor another reset leads out of it, but the power does, for three more boots.
        steamer.port.control({"do": "reset", "cause": "watchdog"})  # type: ignore[attr-defined]
        assert reopened(steamer).caps & w.CapBits.SAFE_MODE
        steamer.port.control({"do": "reset", "cause": "power"})  # type: ignore[attr-defined]
        assert truth(steamer)["slot"] == "a"


@pytest.mark.parametrize("interpreter", KINDS)
def test_a_failing_trial_gives_the_device_back_to_the_old_application(interpreter: str) -> None:
    trial = record.Record(record.A, record.B, record.TRIES, 1).pack().hex()
    with device(interpreter, "good", "raises", boot_record=trial) as steamer:
        assert not steamer.hello.caps & w.CapBits.SAFE_MODE
        assert truth(steamer)["slot"] == "a"
        assert len(truth(steamer)["crashes"]) == 3
        assert steamer.status().state == w.StateValue.IDLE


def test_a_firmware_that_settled_is_not_counted_when_the_watchdog_ends_it() -> None:
    with device("cpython", "good", "empty", mark=mark.pack(0, mark.STARTED, 2, 0).hex()) as steamer:
        for _ in range(4):
            steamer.port.clock.sleep(31)
            steamer.port.control({"do": "reset", "cause": "watchdog"})  # type: ignore[attr-defined]
            assert not reopened(steamer).caps & w.CapBits.SAFE_MODE
        for _ in range(3):
            steamer.port.clock.sleep(1)
            steamer.port.control({"do": "reset", "cause": "watchdog"})  # type: ignore[attr-defined]
        assert reopened(steamer).caps & w.CapBits.SAFE_MODE


def test_a_repeated_request_is_executed_once_and_floods_do_no_harm() -> None:
    with device("cpython", "empty", "empty") as steamer:
        steamer.port.write(b"\xff" * 3000 + b"\0" + bytes(range(1, 255)) * 9)
        steamer.port.clock.sleep(0.6)
        assert steamer.request(w.PingRequest(1), w.PingReply).host_us == 1
        steamer.port.write(b"\0" * 500)
        hello = w.HelloRequest(9, 7, 7)
        assert steamer.request(hello, w.HelloReply).major == w.MAJOR
        assert steamer.request(w.StopRequest(), w.StopReply).state == w.StateValue.IDLE


def test_a_lost_reply_is_sent_again_as_it_was() -> None:
    with device("cpython", "empty", "empty") as steamer:
        console(steamer)
        ping = frame.encode(m.PING, 9, bytes(4))
        answers = []
        for _ in range(2):
            steamer.port.write(ping)
            answers.append(bytes(steamer.port.read(0.5)))
            steamer.port.clock.sleep(0.3)
        assert answers[0] == answers[1] != b""
        steamer.port.write(frame.encode(m.PING, 10, bytes(4)))
        assert bytes(steamer.port.read(0.5)) not in answers


def test_the_last_words_wait_until_the_host_knows_the_reply() -> None:
    twin = launch.start(interpreter="cpython", seed=1, unix_s=0, slots=["empty", "empty"])
    twin.exchange(b"", 1_000_000, stop=False)
    hello = frame.encode(m.HELLO, 1, w.HelloRequest(5, m.MAJOR, m.MINOR).pack())
    kinds = []
    for until in (1_150_000, 1_600_000):
        got = frame.Splitter().feed(twin.exchange(hello, until, stop=False))
        kinds.append([body[0] for _, body in got])
        hello = b""
    twin.close()
    assert kinds == [[m.HELLO | m.REPLY], [m.CONSOLE]]


def test_an_unknown_state_of_a_slot_is_named() -> None:
    from podsteam.errors import NotPodsteam

    with pytest.raises(NotPodsteam, match="states of two"):
        device("cpython", "good", "old")
