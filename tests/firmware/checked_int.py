# SPDX-License-Identifier: Apache-2.0
"""An int that fails where the ESP32 would leave its small integers (|x| < 2^30) and allocate a big one.

A value that went through arithmetic with a `CheckedInt` is one itself, so a few of them at the inputs check
everything that is computed from them. `checked_array` takes the place of `array`, which would strip them.
"""

import operator
from collections.abc import Callable, Iterable
from typing import Any

LIMIT = 1 << 30


class TooBig(AssertionError):
    """An intermediate reached 2^30."""


class CheckedInt(int):
    """See the module."""

    def __new__(cls, value: int) -> "CheckedInt":
        if not -LIMIT <= value < LIMIT:
            raise TooBig(f"{value} = {value / LIMIT:.2f} x 2^30")
        return super().__new__(cls, value)


def _wrap(function: Callable[..., int], swapped: bool) -> Callable[..., Any]:
    def checked(self: int, *others: int) -> Any:
        if any(not isinstance(other, int) for other in others):
            return NotImplemented
        plain = [int(other) for other in others]
        if swapped:
            return CheckedInt(function(*plain, int(self)))
        return CheckedInt(function(int(self), *plain))

    return checked


for _name in ("add", "sub", "mul", "floordiv", "mod", "lshift", "rshift", "and", "or", "xor"):
    _function = getattr(operator, f"__{_name}__")
    setattr(CheckedInt, f"__{_name}__", _wrap(_function, swapped=False))
    setattr(CheckedInt, f"__r{_name}__", _wrap(_function, swapped=True))
for _name in ("neg", "abs", "invert"):
    setattr(CheckedInt, f"__{_name}__", _wrap(getattr(operator, f"__{_name}__"), swapped=False))


def checked_array(_typecode: str, values: Iterable[int]) -> list[int]:
    """In the place of `array.array`: keeps its elements as they are put in."""
    return list(values)


def check_attributes(thing: object) -> None:
    """Replace every integer attribute of `thing` by a checked one (flags stay)."""
    for name, value in vars(thing).items():
        if type(value) is int:
            setattr(thing, name, CheckedInt(value))
