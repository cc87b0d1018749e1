# SPDX-License-Identifier: Apache-2.0
"""A whole unit on CPython whose control path computes with integers that fail at 2^30, as the ESP32's would allocate.

`CheckedTwin` is a simulated board. In each tick every field of the inputs, the time and all integers that the parts
remember are checked ones, so whatever `Core.step` computes from them is checked as well.
"""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from checked_int import CheckedInt, checked_array

from podsteam_firmware.signals import Inputs, Outputs
from podsteam_twin.machine import Machine

ARRAYS = ("sense", "safety.dry", "heat.boiling", "heat.onset", "heat.balance", "link.events")
"""Modules of the control path that keep numbers in an `array`, which would strip the check."""
SWITCHES = ("water_ok", "latch_closed", "upright", "drained", "button", "coil_on")


def parts(thing: object, seen: set[int]) -> Iterator[object]:
    """`thing` and every object of the firmware's control path that it holds, each once."""
    if id(thing) in seen or not type(thing).__module__.startswith("podsteam_firmware"):
        return
    seen.add(id(thing))
    yield thing
    for value in list(vars(thing).values()):
        yield from parts(value, seen)


def check_numbers(thing: object) -> None:
    """Replace the integers that `thing` remembers by checked ones, those in its lists as well."""
    for name, value in vars(thing).items():
        if type(value) is int:
            setattr(thing, name, CheckedInt(value))
        elif isinstance(value, list):
            value[:] = [CheckedInt(each) if type(each) is int else each for each in value]


def plain(verb: Callable[..., Any]) -> Callable[..., Any]:
    """A verb of the hardware that gets its integers unchecked: beyond it the simulated world computes as it likes."""

    def call(*arguments: Any) -> Any:
        return verb(*(int(each) if isinstance(each, CheckedInt) else each for each in arguments))

    return call


class CheckedMachine(Machine):
    """A simulated unit whose ticks are checked. `ticks` counts them, `regimes` gathers the heater's regimes."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.ticks = 0
        self.regimes: set[int] = set()
        self.states: set[int] = set()
        super().__init__(options)

    def _boot(self, cause: int) -> None:
        super()._boot(cause)
        for name in dir(self.hal):
            verb = getattr(self.hal, name)
            if not name.startswith("_") and callable(verb):
                setattr(self.hal, name, plain(verb))
        core = self.loop.core
        step = core.step
        remembered = [part for part in parts(core, set()) if not isinstance(part, Inputs | Outputs)]

        def checked(now_ms: int, inputs: Inputs) -> Outputs:
            for name, value in vars(inputs).items():
                if name not in SWITCHES:
                    setattr(inputs, name, CheckedInt(value))
            for part in remembered:
                check_numbers(part)
            self.ticks += 1
            outputs = step(CheckedInt(now_ms), inputs)
            self.regimes.add(int(core.heat.regime))
            self.states.add(int(core.session.state))
            return outputs

        core.step = checked  # type: ignore[method-assign]

    def _crash(self, error: Exception) -> None:
        raise error


@contextmanager
def checked_arrays() -> Iterator[None]:
    """Within this, the control path's arrays are lists that keep checked integers."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ARRAYS:
            patch.setattr(importlib.import_module(f"podsteam_firmware.{name}"), "array", checked_array)
        yield


def start(**options: Any) -> CheckedMachine:
    """A checked unit; `options` as for the simulated board. Use it within `checked_arrays`."""
    return CheckedMachine({"seed": 1, "podlet": "demo", **options})


def play(machine: CheckedMachine, script: list[tuple[float, dict[str, Any]]], seconds: float) -> None:
    """Play control commands at their times in s, up to the end. Raises TooBig where a number leaves the range, and
    whatever else the firmware raises."""
    for at_s, command in sorted(script, key=lambda entry: entry[0]):
        machine.run(int(at_s * 1e6))
        answer = machine.control(command)
        assert "error" not in answer, answer
    machine.run(int(seconds * 1e6))
