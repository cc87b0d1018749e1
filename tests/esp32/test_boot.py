# SPDX-License-Identifier: Apache-2.0
"""`boot.py` switches everything off before anything else can fail, and without a pulse on the way."""

import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_chip import Chip, ChipReset

import podsteam_firmware
from podsteam_firmware.hal import pins

DANGEROUS = (pins.SSR, pins.RELAY, pins.VALVE)

Load = Callable[[str], types.ModuleType]


def left_on(chip: Chip) -> None:
    """As a program that was interrupted leaves it: PWM on the heater, the valve open, the relay's pin high."""
    machine = sys.modules["machine"]
    machine.PWM(machine.Pin(pins.SSR), 5, duty_u16=40000)
    machine.Pin(pins.VALVE, machine.Pin.OUT, value=1)
    machine.Pin(pins.RELAY, machine.Pin.OUT, value=1)
    chip.advance(100_000)
    assert [chip.level(number) for number in DANGEROUS] == [1, 1, 1]


def all_low(chip: Chip) -> bool:
    return all(chip.level(number) == 0 and chip.pads[number].out for number in DANGEROUS)


def test_pwm_survives_a_soft_reset_but_not_boot(chip: Chip, load: Load) -> None:
    left_on(chip)
    chip.soft_reset()
    assert chip.level(pins.SSR) == 1
    load("boot")
    assert chip.pwm == {}
    assert all_low(chip)


def test_off_is_the_first_thing_and_stays(chip: Chip, load: Load) -> None:
    left_on(chip)
    chip.soft_reset()
    chip.history.clear()
    began_us = chip.t_us
    load("boot")
    # Off in no time, and nothing goes high again while PWM is ended, which starts it for a moment.
    assert sorted((pin, level) for _, pin, level in chip.history) == sorted((pin, 0) for pin in DANGEROUS)
    assert all(t_us == began_us for t_us, _, _ in chip.history)


def test_the_pads_can_be_used_afterwards(chip: Chip, load: Load) -> None:
    load("boot")
    assert all(chip.pads[number].frozen is None for number in DANGEROUS)
    sys.modules["machine"].Pin(pins.SSR).value(1)
    assert chip.level(pins.SSR) == 1


@pytest.mark.parametrize("failing", ["PWM", "constructor"])
def test_a_failing_pwm_changes_nothing(chip: Chip, load: Load, failing: str) -> None:
    left_on(chip)
    chip.soft_reset()
    if failing == "PWM":

        def fail(*_: object, **__: object) -> None:
            raise MemoryError

        sys.modules["machine"].PWM = fail
    else:
        chip.pwm.update(dict.fromkeys(range(100, 116), 1))
        del chip.pwm[pins.SSR]
    load("boot")
    assert all_low(chip)


def test_nothing_of_ours_is_needed(chip: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
    left_on(chip)
    chip.soft_reset()
    real_import = __import__

    def broken(name: str, *args: object) -> object:
        if name != "machine":
            raise ImportError(name)
        return real_import(name, *args)

    source = (Path(podsteam_firmware.__file__).parent / "entry" / "boot.py").read_text(encoding="utf-8")
    scope = {"__builtins__": {**vars(__import__("builtins")), "__import__": broken}, "__name__": "__main__"}
    exec(compile(source, "boot.py", "exec"), scope)
    assert all_low(chip)


def test_the_numbers_are_those_of_the_pin_map(chip: Chip, load: Load) -> None:
    assert sorted(load("boot").OFF) == sorted(DANGEROUS)


def test_a_hard_reset_lets_the_pads_float(chip: Chip, load: Load) -> None:
    load("boot")
    sys.modules["machine"].Pin(pins.SSR).value(1)
    with pytest.raises(ChipReset):
        sys.modules["machine"].reset()
    assert all(chip.level(number) == 0 and not chip.pads[number].out for number in DANGEROUS)
