# SPDX-License-Identifier: Apache-2.0
"""`podsteam selftest`: what the device found, on both interpreters, with what each check covers and cannot tell."""

import json
import struct
from typing import Any

import pytest
from calls import call

from podsteam.cli.selftest import FAILED, NOT_RUN, PASSED, selftest_data
from podsteam.client import Device
from podsteam.errors import WrongVersion
from podsteam.wire.messages import CHECKS, SelftestGetReply, SelftestGetRequest
from podsteam_firmware.safety import selftest as device_side
from podsteam_protocol import messages as m
from podsteam_protocol import schema

Capture = pytest.CaptureFixture[str]
NAMES = [name for _, name, *_ in schema.CHECKS]


def reply(done: int, failed: int, stops: int = 0x11F, readings: tuple[int, ...] = ()) -> SelftestGetReply:
    values = readings or tuple(range(len(CHECKS)))
    return SelftestGetReply(done, failed, stops, struct.pack(f"<{len(values)}i", *values))


def by_name(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in data["checks"]}


def test_host_and_device_name_the_same_checks() -> None:
    assert [check.name for check in CHECKS.values()] == NAMES
    assert list(CHECKS) == [1 << i for i in range(device_side.CHECKS)]
    for bit, name in enumerate(NAMES):
        assert getattr(device_side, name) == bit
        assert getattr(m, f"CHECK_{name}") == 1 << bit
    for _, _, when, does, cannot, reading in schema.CHECKS:
        assert when and does.endswith(".") and cannot.endswith(".") and reading


def test_results() -> None:
    checks = by_name(selftest_data(reply(0x3BF, 0x101)))
    assert checks["MEMORY"]["result"] == FAILED and checks["MEMORY"]["forbids_heat"]
    assert checks["SENSORS"]["result"] == PASSED and not checks["SENSORS"]["forbids_heat"]
    assert (checks["SENSORS"]["reading"], checks["COIL"]["reading"]) == (5, None)
    assert checks["COIL"]["result"] == NOT_RUN
    assert (checks["RELAY"]["result"], checks["RELAY"]["reading"]) == (FAILED, 8)
    assert checks["LEDGER"]["result"] == PASSED


@pytest.mark.parametrize(
    ("failed", "passed"), [(0, True), (0x001, False), (0x100, False), (0x200, True), (0x0E0, True)]
)
def test_only_what_forbids_heat_makes_it_fail(failed: int, passed: bool) -> None:
    assert selftest_data(reply(0x3FF, failed))["passed"] is passed


def test_a_device_with_other_checks() -> None:
    fewer = selftest_data(reply(0x3, 0, readings=(7, 8)))
    assert not fewer["complete"] and by_name(fewer)["RELAY"]["result"] == NOT_RUN
    assert by_name(fewer)["RELAY"]["reading"] is None and by_name(fewer)["ARITHMETIC"]["reading"] == 8
    newer = selftest_data(reply(0xFFF, 0x800, readings=tuple(range(12))))
    assert newer["unknown_checks_failed"] and newer["complete"]
    assert selftest_data(SelftestGetReply(0x3FF, 0, 0, b"\1\0\0"))["checks"][0]["reading"] is None


def test_a_fresh_board_shows_what_has_run(capsys: Capture) -> None:
    got = call(capsys, "--port", "sim", "selftest")
    assert got.status == 0 and got.err == ""
    shown = {line.split()[0]: line for line in got.out.splitlines()}
    for name in NAMES:
        assert name in shown and "Not covered: " in shown[name]
    assert " passed " in shown["MEMORY"] and NOT_RUN in shown["RELAY"]
    assert got.out.endswith("What has not run yet runs before the next heat.\n")


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_before_heat_the_hardware_is_tested_too(interpreter: str, micropython: str) -> None:
    with Device.open("sim", seed=3, interpreter=interpreter) as device:
        assert not selftest_data(device.selftest())["complete"]
        device.arm()
        device.port.control({"do": "press"})  # type: ignore[attr-defined]
        device.port.clock.sleep(3)
        data = selftest_data(device.selftest())
        assert data["complete"] and data["passed"]
        assert {check["result"] for check in data["checks"]} == {PASSED}
        assert 1_100_000 < by_name(data)["SENSORS"]["reading"] < 1_400_000
        device.stop()


def test_a_failed_check_is_told_with_its_reason(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "selftest", lambda _: reply(0x01F, 0x002))
    got = call(capsys, "--port", "sim", "selftest")
    assert got.status == 21
    assert "ARITHMETIC" in got.out and "FAILED" in got.out.upper() and "no heat" in got.out
    assert got.err.count("\n") == 1
    assert "ARITHMETIC, number of the answer that was wrong, 0: none: 1" in got.err
    made = json.loads(call(capsys, "--port", "sim", "selftest", "--json").out)
    assert made["passed"] is False and by_name(made)["ARITHMETIC"]["result"] == FAILED


def test_an_older_device_says_that_it_cannot(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def old(self: Device) -> SelftestGetReply:
        raise WrongVersion("The device refused: the device does not know this request (UNKNOWN_MESSAGE).")

    monkeypatch.setattr(Device, "selftest", old)
    got = call(capsys, "--port", "sim", "selftest")
    assert got.status == 15 and got.err.count("\n") == 1


def test_the_request_is_small() -> None:
    assert len(SelftestGetRequest().pack()) == 0
    assert len(reply(0, 0).pack()) == 6 + 4 * len(CHECKS)
