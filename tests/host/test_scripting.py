# SPDX-License-Identifier: Apache-2.0
"""The library as scripts use it: the page's code runs as it stands, the list of what is public is true."""

import inspect
import re
from pathlib import Path

import pytest
from fake import FakeDevice

import podsteam
from podsteam import api, errors
from podsteam.client import Device
from podsteam.runs import Run, wait_all
from podsteam.session import Outcome
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as m

PAGE = (Path(__file__).parents[2] / "docs" / "scripting.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SAID = (
    r"\d+ s of steam, \d doses",
    r"1\d\d\.\d+ degC, ended by DONE",
    r"\{'subject': 'P07'\}",
    r"nobody was there: The button .*",
    r"the device ran on\n\d+ events meanwhile, 0 lost",
    r"b'express.*' \d+\nb'express.*' \d+",
)
SHORT = m.Program(name=b"short".ljust(16, b"\0"), warm_up_max_s=300, steam1_mg_min=4000, steam1_s=10, end_cdeg=9500)


@pytest.mark.parametrize("number", range(len(SAID)))
def test_the_pages_code_runs_as_it_stands(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(SNIPPETS) == len(SAID)
    monkeypatch.chdir(tmp_path)
    exec(compile(SNIPPETS[number], "docs/scripting.md", "exec"), {})
    assert re.fullmatch(SAID[number], capsys.readouterr().out.strip())


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    assert sorted(api.__all__) == api.__all__
    for name in api.__all__:
        assert inspect.getdoc(getattr(api, name)), name
    documented = {e.__name__ for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)}
    assert documented <= set(api.__all__)
    assert (Path(podsteam.__file__).parent / "py.typed").exists()
    for name in ("NoDevice", "Refused", "DeviceLost", "UsageProblem", "IntegrityFailed"):
        assert f"`{name}`" in PAGE


def test_a_program_that_there_is_not_is_told_before_anything_is_armed() -> None:
    with podsteam.connect("sim", seed=3, interpreter="cpython") as dev:
        with pytest.raises(errors.UsageProblem, match="no program 'gentel'; there are clean, express, gentle"):
            dev.session.run("gentel")
        assert dev.status().state == m.StateValue.IDLE


def test_a_run_that_is_stopped_and_one_that_is_left_alone_end_with_heat_off() -> None:
    with podsteam.connect("sim", seed=4, interpreter="cpython") as dev:
        run = dev.session.run(SHORT)
        with pytest.raises(errors.UsageProblem, match="still runs"):
            assert run.outcome
        while not run.record.head:
            run.step()
        record = run.stop()
        assert run.done and run.outcome.interrupted and run.outcome.heat_off_proved
        assert record.head is not None and record.head.session == run.session
        dev.port.clock.sleep(3.0)
        left = dev.session.run(SHORT)
        next(iter(left))
        left._steps.close()
        assert dev.status().state != m.StateValue.WARM_UP


def test_a_device_that_is_lost_ends_its_run_and_stops_the_others() -> None:
    with (
        podsteam.connect("sim", seed=5, interpreter="cpython") as one,
        podsteam.connect("sim", seed=6, interpreter="cpython") as two,
    ):
        runs = [dev.session.run(SHORT) for dev in (one, two)]
        assert isinstance(one.port, SimPort)
        one.port.unplug()
        with pytest.raises(errors.DeviceLost):
            wait_all(*runs)
        assert all(run.done for run in runs)
        assert runs[1].outcome.interrupted and runs[1].outcome.heat_off_proved
        with pytest.raises(errors.EndedEarly):
            raise Outcome(1, m.StopValue.LEASE_LOST).problem() or AssertionError


def test_events_of_a_time_without_a_cable_are_not_missed() -> None:
    with podsteam.connect("sim", seed=12, interpreter="cpython") as dev:
        port = dev.port
        assert isinstance(port, SimPort)
        dev.follow()
        for lost in range(3):
            port.unplug()
            port.control({"do": "press"})
            port.run(1.0)
            assert dev.reconnect() is True
            came = [message for _ in range(10) for message in dev.poll(0.25)]
            buttons = [e.a for e in came if isinstance(e, m.Event) and e.event == m.EventValue.BUTTON]
            assert buttons == [1, 0], lost
            dev.stop()
        assert dev.link.order.lost == 0


def test_a_restart_while_the_cable_was_out_is_noticed() -> None:
    with podsteam.connect("sim", seed=13, interpreter="cpython") as dev:
        port = dev.port
        assert isinstance(port, SimPort)
        dev.follow()
        before = dev.link.boot_id
        port.unplug()
        port.control({"do": "reset", "cause": "power"})
        port.run(1.0)
        assert dev.reconnect() is False
        assert dev.link.boot_id != before
        events = [e for e in dev.poll(1.0) if isinstance(e, m.Event)]
        assert events[0].event == m.EventValue.BOOT and events[0].number == 0


def test_another_unit_on_the_port_is_not_taken_for_the_lost_one() -> None:
    fakes = [FakeDevice(), FakeDevice()]
    fakes[1].answers[m.HelloRequest.ID] = m.HelloReply(major=m.MAJOR, uid=bytes(6))
    device = Device(fakes[0].port, lambda unit: fakes[1].port)
    with pytest.raises(errors.IntegrityFailed, match="another unit"):
        device.reconnect()


def test_a_port_that_stays_away_is_given_up_in_time() -> None:
    fake = FakeDevice()

    def gone(unit: str) -> object:
        raise errors.NoDevice("There is no port.")

    device = Device(fake.port, gone)  # type: ignore[arg-type]
    start = fake.port.clock.now()
    with pytest.raises(errors.NoDevice):
        device.reconnect(within_s=2.0)
    assert 2.0 <= fake.port.clock.now() - start < 2.5


def test_a_run_is_what_the_issue_asks_for() -> None:
    with podsteam.connect("sim", seed=7, interpreter="cpython") as dev:
        run = dev.session.run(SHORT)
        record = run.wait()
    assert isinstance(run, Run) and run.done and record.summary.stop_reason == m.StopValue.DONE
    assert record.summary.steam_s >= 9
