# SPDX-License-Identifier: Apache-2.0
"""The self-test: it passes on a sound unit, and each check fails when what it looks at is broken."""

from collections.abc import Callable
from typing import Any

import pytest

from podsteam_firmware.safety import selftest
from podsteam_firmware.safety.checkpoint import Checkpoints
from podsteam_firmware.safety.load import Load
from podsteam_firmware.safety.ranges import Ranges
from podsteam_firmware.safety.selftest import SelfTest
from podsteam_firmware.safety.supervisor import Supervisor
from podsteam_firmware.signals import Inputs


def bit(name: str) -> int:
    return 1 << getattr(selftest, name)


ALL = ("MEMORY", "ARITHMETIC", "SEQUENCE", "RANGES", "LOAD", "SENSORS", "COIL", "MAINS", "RELAY", "LEDGER")


def test_numbers_of_the_checks() -> None:
    assert [getattr(selftest, name) for name in ALL] == list(range(10))
    assert len(ALL) == selftest.CHECKS
    assert sum(bit(name) for name in ("MEMORY", "ARITHMETIC", "SEQUENCE", "RANGES", "LOAD", "RELAY")) == selftest.STOPS


def test_nothing_has_run_before_power_on() -> None:
    test = SelfTest()
    assert (test.done, test.failed, list(test.readings)) == (0, 0, [0] * 10)


def test_a_sound_unit_passes() -> None:
    test = SelfTest()
    assert test.power_on() == 0
    assert test.done == sum(bit(name) for name in ("MEMORY", "ARITHMETIC", "SEQUENCE", "RANGES", "LOAD"))
    assert test.failed == 0
    assert list(test.readings) == [-1, 0, 0, 110, 113, 0, 0, 0, 0, 0]


class Cells(list[int]):
    """Memory in which a cell is broken: `broken(i, value)` gives what it keeps."""

    broken: Callable[[int, int], int] = staticmethod(lambda _, value: value)

    def __setitem__(self, i: Any, value: Any) -> None:
        super().__setitem__(i, self.broken(i, value))


BROKEN: list[Callable[[int, int], int]] = [
    lambda i, value: value | 1 if i == 3 else value,
    lambda i, value: value & ~1 if i == 3 else value,
    lambda i, value: value | 1 << 28 if i == 15 else value,
    lambda i, value: value & ~(1 << 28) if i == 0 else value,
]


def cells(broken: Callable[[int, int], int]) -> SelfTest:
    test = SelfTest()
    memory = Cells([0] * 16)
    memory.broken = broken
    test._scratch = memory  # type: ignore[assignment]
    return test


@pytest.mark.parametrize("broken", BROKEN)
def test_a_stuck_bit_is_found_at_power_on_and_in_the_ticks(broken: Callable[[int, int], int]) -> None:
    test = cells(broken)
    assert test.power_on() & bit("MEMORY")
    assert test.readings[selftest.MEMORY] in (0, 3, 15)
    test = cells(lambda _, value: value)
    assert test.power_on() == 0
    test._scratch.broken = broken  # type: ignore[attr-defined]
    assert [test.step() for _ in range(64)][-1] == bit("MEMORY")


def test_two_places_that_are_one_are_found() -> None:
    test = cells(lambda _, value: value)
    memory = test._scratch
    assert test.power_on() == 0
    assert [test.step() for _ in range(64)][-1] == 0

    def alias(i: int, value: int) -> int:
        if i == 8:
            list.__setitem__(memory, 7, value)  # type: ignore[arg-type]
        return value

    memory.broken = alias  # type: ignore[attr-defined]
    assert [test.step() for _ in range(64)][-1] == bit("MEMORY")
    assert test.readings[selftest.MEMORY] == 8


@pytest.mark.parametrize(
    ("name", "wrong", "answer"),
    [("add", lambda a, b: a + b, 3), ("diff", lambda a, b: a - b, 3), ("cdeg", lambda uv: 11501, 4)],
)
def test_wrong_arithmetic(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., int], answer: int) -> None:
    test = SelfTest()
    assert test.power_on() == 0
    monkeypatch.setattr(selftest, name, wrong)
    found = [test.step() for _ in range(64)]
    assert found.index(bit("ARITHMETIC")) == 20
    assert test.readings[selftest.ARITHMETIC] == answer
    monkeypatch.undo()
    assert [test.step() for _ in range(64)][-1] == 0


class Odd(int):
    """A number with which one operation goes wrong."""

    wrong = ""

    def __mul__(self, other: int) -> int:
        return int(self) * other + (12345 if self.wrong == "mul" else 0)

    def __lshift__(self, other: int) -> int:
        return (int(self) << other) + (8 if self.wrong == "shift" else 0)

    def __invert__(self) -> int:
        return ~int(self) - (1 if self.wrong == "invert" else 0)

    def __xor__(self, other: int) -> int:
        return (int(self) ^ other) + (1 if self.wrong == "xor" else 0)


@pytest.mark.parametrize(("wrong", "answer"), [("", 0), ("mul", 1), ("shift", 2), ("invert", 2), ("xor", 2)])
def test_an_interpreter_that_computes_wrong(monkeypatch: pytest.MonkeyPatch, wrong: str, answer: int) -> None:
    odd = Odd(12345)
    odd.wrong = wrong
    monkeypatch.setattr(selftest, "_ODD", odd)
    test = SelfTest()
    test._arithmetic()
    assert test.readings[selftest.ARITHMETIC] == answer
    assert test.failed == (bit("ARITHMETIC") if answer else 0)


@pytest.mark.parametrize("name", ["mark", "passed", "begin"])
def test_checkpoints_that_let_everything_pass(name: str) -> None:
    class Blind(Checkpoints):
        def mark(self, stage: int) -> None:
            self.reached = stage
            self._inverse = ~stage

        def passed(self) -> bool:
            return True

    test = SelfTest()
    assert test.power_on() == 0
    test._checkpoints = Blind()
    if name == "mark":
        Blind.passed = Checkpoints.passed  # type: ignore[method-assign]
    found = [test.step() for _ in range(64)]
    assert found.index(bit("SEQUENCE")) == 40
    assert test.readings[selftest.SEQUENCE] > 1
    test._checkpoints = Checkpoints()
    assert [test.step() for _ in range(64)][-1] == 0


@pytest.mark.parametrize("skipped", range(6))
def test_checkpoints_that_let_one_stage_be_skipped_are_named_by_it(skipped: int) -> None:
    """One more than its number; 1: a whole tick does not pass."""

    class Partial(Checkpoints):
        def begin(self) -> None:
            self.marks: list[int] = []

        def mark(self, stage: int) -> None:
            self.marks.append(stage)

        def passed(self) -> bool:
            whole = [1, 2, 3, 4, 5]
            return skipped > 0 and self.marks in (whole, [stage for stage in whole if stage != skipped])

    test = SelfTest()
    test._checkpoints = Partial()
    test._sequence()
    assert test.readings[selftest.SEQUENCE] == skipped + 1
    assert test.failed == bit("SEQUENCE")


@pytest.mark.parametrize("limit", [2, 4])
def test_a_range_check_that_counts_wrong(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    class Wrong(Ranges):
        def _wrong(self, i: int) -> bool:
            self.sound = False
            self._loose[i] = 1
            self._bad[i] += 1
            return self._bad[i] >= limit

    monkeypatch.setattr(selftest, "Ranges", Wrong)
    assert SelfTest().power_on() == bit("RANGES")


def test_a_range_check_that_does_not_see_heat(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Ranges):
        def _over_temperature(self, uv: int) -> int:
            return 0

    monkeypatch.setattr(selftest, "Ranges", Wrong)
    test = SelfTest()
    assert test.power_on() == bit("RANGES")
    assert test.readings[selftest.RANGES] == 0


@pytest.mark.parametrize(("code", "reading"), [(113, 0), (114, 113)])
def test_a_load_check_that_sees_only_one_side(monkeypatch: pytest.MonkeyPatch, code: int, reading: int) -> None:
    class Wrong(Load):
        def _judge(self, missing: int) -> int:
            found = super()._judge(missing)
            return 0 if found == code else found

    monkeypatch.setattr(selftest, "Load", Wrong)
    test = SelfTest()
    assert test.power_on() == bit("LOAD")
    assert test.readings[selftest.LOAD] == reading


def test_a_load_check_that_always_complains(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Load):
        def step(self, inputs: Inputs, mains: bool) -> int:
            return super().step(inputs, mains) or 114

    monkeypatch.setattr(selftest, "Load", Wrong)
    assert SelfTest().power_on() == bit("LOAD")


# Before heat ------------------------------------------------------------------------------------------------


class Unit:
    """A supervisor that is ready for heat, and its inputs."""

    def __init__(self) -> None:
        self.test = SelfTest()
        self.supervisor = Supervisor()
        self.inputs = Inputs()
        self.inputs.reference_uv = 1_250_000
        self.inputs.wall_uv = self.inputs.water_uv = self.inputs.outlet_uv = 1_700_000
        self.inputs.mains_uv = 1_150_000
        self.supervisor._ranges.sound = True
        self.supervisor.weld.passed = True
        self.room = 5

    def before_heat(self) -> int:
        return self.test.before_heat(self.inputs, self.supervisor, self.room)


def test_a_ready_unit_passes() -> None:
    unit = Unit()
    assert unit.before_heat() == 0
    assert unit.test.failed == 0
    assert unit.test.done == sum(bit(name) for name in ("SENSORS", "COIL", "MAINS", "RELAY", "LEDGER"))
    assert list(unit.test.readings[5:]) == [1_250_000, 0, 1_150_000, 0, 5]


@pytest.mark.parametrize(
    ("path", "value", "name", "stops"),
    [
        ("supervisor._ranges.sound", False, "SENSORS", False),
        ("inputs.coil_on", True, "COIL", False),
        ("supervisor.mains_lost", True, "MAINS", False),
        ("supervisor.weld.passed", False, "RELAY", True),
        ("room", 0, "LEDGER", False),
    ],
)
def test_what_is_not_ready_is_named(path: str, value: Any, name: str, stops: bool) -> None:
    unit = Unit()
    owner: Any = unit
    *parts, last = path.split(".")
    for part in parts:
        owner = getattr(owner, part)
    setattr(owner, last, value)
    assert unit.before_heat() == (bit(name) if stops else 0)
    assert unit.test.failed == bit(name)
    # What the ticks repeat does not stop heat for it.
    assert unit.test.step() == 0


def test_room_for_one_record_is_room() -> None:
    unit = Unit()
    unit.room = 1
    unit.before_heat()
    assert unit.test.failed == 0


def test_readings_of_coil_and_relay() -> None:
    unit = Unit()
    unit.inputs.coil_pulses = 7
    unit.supervisor.weld.detail = 2
    unit.before_heat()
    assert (unit.test.readings[selftest.COIL], unit.test.readings[selftest.RELAY]) == (7, 2)


def test_a_turn_takes_64_ticks_and_nothing_stays_behind() -> None:
    test = SelfTest()
    test.power_on()
    seen: list[int] = []
    test._word = lambda i: seen.append(i) or True  # type: ignore[method-assign]
    test._arithmetic = lambda: seen.append(100)  # type: ignore[method-assign]
    test._sequence = lambda: seen.append(200)  # type: ignore[method-assign]
    for _ in range(129):
        assert test.step() == 0
    assert seen == [*([*range(16), 100, 200] * 2), 0]
