# SPDX-License-Identifier: Apache-2.0
"""Upsets: what befalls the firmware itself. A bit of its memory turns over, or one of its steps never comes back.

A path names a part of the running firmware from `core` or `hal` on, as `core.supervisor._on_ms` or
`hal.heartbeat`; a number in it is a place in a list. Upsets do not outlive a restart: what was loaded anew is sound.
"""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from podsteam_twin.machine import Machine

STEPS = (
    "hal.sample",
    "core.sense.update",
    "core.supervisor.step",
    "core.session.step",
    "core.heat.step",
    "core.doser.step",
    "core.checkpoints.passed",
    "hal.heartbeat",
    "hal.feed",
    "core.reader.pump",
    "core.port.pump",
    "core.journal.pump",
    "hal.burst_busy",
    "hal.burst",
    "hal.wait",
)
"""The steps of a turn of the loop, in their order. Each can hang, be late or raise."""
KINDS = ("hang", "pause", "raise")
NUMBERS = (int, bool)
"""On MicroPython a bool is no int."""
_FOREVER_US = 3600000000


class Upset(Exception):
    """What a step raises that was told to."""


def flip(machine: "Machine", path: str, bit: int) -> int:
    """Turn over bit `bit` (0 to 30) of the integer or bool at `path`. Returns the new value. Raises ValueError."""
    owner, name = _find(machine, path)
    if not 0 <= bit <= 30:
        raise ValueError("a bit is 0 to 30, not %d" % bit)
    value = owner[int(name)] if name.isdigit() else getattr(owner, name)
    if not isinstance(value, NUMBERS):
        raise ValueError("%s is no integer" % path)
    flipped = not value if isinstance(value, bool) else value ^ (1 << bit)
    if name.isdigit():
        owner[int(name)] = flipped & 0xFF if isinstance(owner, bytearray) else flipped
    else:
        setattr(owner, name, flipped)
    return int(flipped)


def strike(machine: "Machine", kind: str, path: str, ms: int, calls: int) -> None:
    """The call number `calls` (from 0, counted from now) of the step at `path` hangs, comes `ms` late, or raises."""
    if kind not in KINDS:
        raise ValueError("unknown upset %r; there are: %s" % (kind, ", ".join(KINDS)))
    owner, name = _find(machine, path)
    step = getattr(owner, name, None)
    if step is None or isinstance(step, (int, str, bytes)):
        raise ValueError("%s is no step" % path)
    setattr(owner, name, _upset(machine, step, kind, ms, calls))


def poke(machine: "Machine", path: str, value: "int | bool") -> None:
    """Put `value` where `path` says, which is an integer or bool there."""
    owner, name = _find(machine, path)
    if name.isdigit() or not isinstance(getattr(owner, name), NUMBERS):
        raise ValueError("%s is no integer" % path)
    setattr(owner, name, value)


def mute(machine: "Machine", path: str, value: "int | bool") -> None:
    """From now on the step at `path` does nothing and returns `value`: a detector that never sees anything."""
    owner, name = _find(machine, path)

    def muted(*arguments: "Any") -> "int | bool":
        return value

    setattr(owner, name, muted)


def _upset(machine: "Machine", step: "Callable[..., Any]", kind: str, ms: int, calls: int) -> "Callable[..., Any]":
    left = [calls]

    def upset(*arguments: "Any") -> "Any":
        left[0] -= 1
        if left[0] == -1:
            if kind == "raise":
                raise Upset(kind)
            machine.world.stall(_FOREVER_US if kind == "hang" else ms * 1000)
        return step(*arguments)

    return upset


def _find(machine: "Machine", path: str) -> "tuple[Any, str]":
    """The owner of what `path` names, and its name there."""
    parts = path.split(".")
    if machine.instead is not None:
        raise ValueError("the firmware does not run")
    owner: "Any" = {"core": machine.loop.core, "hal": machine.hal}.get(parts[0])
    if owner is None or len(parts) < 2:
        raise ValueError("a path begins with core. or hal., not %r" % path)
    try:
        for part in parts[1:-1]:
            owner = owner[int(part)] if part.isdigit() else getattr(owner, part)
        if not parts[-1].isdigit():
            getattr(owner, parts[-1])
    except (AttributeError, IndexError):
        raise ValueError("there is no %s" % path)
    return owner, parts[-1]
