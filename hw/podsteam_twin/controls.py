# SPDX-License-Identifier: Apache-2.0
"""The commands of the control port: what a hand, a screwdriver or the power company could do to the unit.

A command is a dict with `do` and its arguments; the answer is a dict. Unknown commands and parts raise ValueError.
"""

import binascii

from podsteam_protocol import messages as m
from podsteam_twin import faults, noise, podlets, trace, upsets
from podsteam_twin.nfc.ntag import from_image
from podsteam_twin.second import Second

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from podsteam_twin.machine import Machine

_CAUSES = {
    "power": m.RESET_POWER_ON,
    # The chip tells a brown-out and its reset line as a power-on, and what it has no name for as 0.
    "brownout": m.RESET_POWER_ON,
    "line": m.RESET_POWER_ON,
    "hard": m.RESET_HARD,
    "watchdog": m.RESET_WATCHDOG,
    "deepsleep": m.RESET_DEEP_SLEEP,
    "soft": m.RESET_SOFT,
    "unknown": m.RESET_UNKNOWN,
}


def carry_out(machine: "Machine", command: "dict[str, Any]") -> "dict[str, Any]":
    """Do what `command["do"]` says."""
    handler = _COMMANDS.get(str(command.get("do")))
    if handler is None:
        raise ValueError("unknown command %r; there are: %s" % (command.get("do"), ", ".join(sorted(_COMMANDS))))
    return handler(machine, command) or {}


def _press(machine: "Machine", command: "dict[str, Any]") -> None:
    """Hold the button for `ms` (300)."""
    machine.world.press(machine.world.t_us, int(command.get("ms", 300)) * 1000)


def _insert(machine: "Machine", command: "dict[str, Any]") -> "dict[str, Any]":
    """Put a podlet in: `podlet` names a demo one, or `dump` is a tag's memory in hex."""
    if "dump" in command:
        tag = from_image(binascii.unhexlify(command["dump"]))
    else:
        tag = podlets.demo(command.get("podlet", "demo"))
    machine.world.place(tag)
    return {"uid": binascii.hexlify(tag.uid).decode()}


def _remove(machine: "Machine", command: "dict[str, Any]") -> None:
    """Take the podlet out."""
    machine.world.place(None)


def _refill(machine: "Machine", command: "dict[str, Any]") -> "dict[str, Any]":
    """Pour `g` of water at `c` degC (10) into the boiler, as far as there is room; negative: let so much out."""
    return {"g": machine.world.refill(float(command["g"]), float(command.get("c", 10.0)))}


def _fault(machine: "Machine", command: "dict[str, Any]") -> None:
    """Break (`on`, default true) or mend a part by the name of its fault; `value` is its size where it has one."""
    value = command.get("value")
    size = None if value is None else float(value)
    faults.set_fault(machine.world, command["name"], bool(command.get("on", True)), size)


def _upset(machine: "Machine", command: "dict[str, Any]") -> "dict[str, Any] | None":
    """Upset the firmware: `kind` flip turns over `bit` of the variable at `path`, poke puts `value` there; hang, pause
    (`ms`) and raise befall the step at `path` when it is called, `calls` (0) times later; mute lets it return `value`
    (0) for ever."""
    kind, path = command["kind"], command["path"]
    if kind == "mute" or kind == "poke":
        (upsets.mute if kind == "mute" else upsets.poke)(machine, path, command.get("value", 0))
        return None
    if kind == "flip":
        return {"value": upsets.flip(machine, path, int(command.get("bit", 0)))}
    upsets.strike(machine, kind, path, int(command.get("ms", 1500)), int(command.get("calls", 0)))
    return None


def _advance(machine: "Machine", command: "dict[str, Any]") -> None:
    """Let `ms` of virtual time pass."""
    machine.run(machine.world.t_us + int(command["ms"]) * 1000)


def _reset(machine: "Machine", command: "dict[str, Any]") -> None:
    """Restart the chip; `cause` is one of `_CAUSES`. `mark` (hex): what its RTC memory holds then, behind a loader."""
    if "mark" in command and machine.loading is not None:
        machine.loading.memory = binascii.unhexlify(command["mark"])
    cause = command.get("cause", "hard")
    if cause not in _CAUSES:
        raise ValueError("unknown cause %r; there are: %s" % (cause, ", ".join(sorted(_CAUSES))))
    machine.restart(_CAUSES[cause])


def _cut_power(machine: "Machine", command: "dict[str, Any]") -> None:
    """Cut the power at operation `at` (0) from now on `of` (flash, ring, tag); `tear` is none, all or random."""
    from podsteam_twin.cut import ArmedCut

    if machine.cut is not None:
        machine.cut.disarm()
    machine.cut = None
    of, tear = command.get("of", "flash"), command.get("tear", "none")
    machine.cut = ArmedCut(machine.world, of, int(command.get("at", 0)), tear)


def _list(machine: "Machine", command: "dict[str, Any]") -> "dict[str, Any]":
    """What can be broken, what is broken, which podlets there are, and what the status light plays."""
    return {"faults": faults.state(machine.world), "podlets": sorted(podlets.DEMO), "sign": _sign(machine)}


def _sign(machine: "Machine") -> int:
    """SIGN word that the status light plays, 0: it is dark."""
    if machine.instead is None:
        return machine.loop.core.signs.sign
    return m.SIGN_SAFE_MODE if machine.loading is not None and not machine.loading.slot else 0


def _state(machine: "Machine", command: "dict[str, Any]") -> "dict[str, Any]":
    """The truth, which the firmware only measures."""
    world = machine.world
    answer = world.truth()
    session = machine.loop.core.session if machine.instead is None else None
    answer["state"] = session.state if session else m.STATE_IDLE
    answer["session"] = session.number if session else 0
    answer["regime"] = machine.loop.core.heat.regime if session else m.REGIME_IDLE
    answer["latched"] = machine.loop.core.supervisor.fault if session else 0
    answer["dosing"] = bool(session) and machine.hal.valve_busy()
    if machine.loading is not None:
        answer["slot"] = machine.loading.slot
    answer["sign"] = _sign(machine)
    answer["lamps"] = machine.world.lamps
    answer["lease_ms"] = machine.lease_ms()
    answer["crashes"] = machine.crashes
    answer["cut_armed"] = machine.cut is not None
    return answer


def _digest(machine: "Machine", command: "dict[str, Any]") -> "dict[str, Any]":
    """The event trace's digest and length. Ends the trace."""
    return {"digest": machine.world.trace.digest(), "count": machine.world.trace.count}


def _trace(machine: "Machine", command: "dict[str, Any]") -> "dict[str, Any]":
    """The last acts, as many as the option `keep_trace` says: (kind, time in us, a, b)."""
    acts: "list[list[Any]]" = []
    for kind, t_us, a, b in machine.world.trace.last:
        acts.append([trace.NAMES[kind], t_us, a, b])
    return {"acts": acts}


def _images(machine: "Machine", command: "dict[str, Any]") -> "dict[str, Any]":
    """Address, flash and tag, for keeping."""
    return machine.world.images()


def _line(machine: "Machine", command: "dict[str, Any]") -> None:
    """Make the line as bad as the keys of `noise.LINE` say, from now on; those that are missing are nothing."""
    settings = dict(command)
    settings.pop("do")
    noise.set_line(machine.world.uart, settings, int(settings.get("seed", 0)))


def _rate(machine: "Machine", command: "dict[str, Any]") -> None:
    """The host's port is set to `baud`, bit/s."""
    machine.world.uart.host_rate(machine.world.t_us, int(command["baud"]))


def _second(machine: "Machine", command: "dict[str, Any]") -> "dict[str, Any]":
    """Another program opens the host's port, as the keys of `second.SECOND` say, or closes it (`on` false). Answers
    with what it has `said` and how many bytes it has `taken`."""
    uart = machine.world.uart
    before = uart.second
    if command.get("on", True):
        settings = dict(command)
        settings.pop("do")
        settings.pop("on", None)
        uart.second = Second(settings, 0, machine.world.t_us)
    else:
        uart.second = None
    return {"said": before.said if before else 0, "taken": before.taken if before else 0}


_COMMANDS = {
    "line": _line,
    "rate": _rate,
    "second": _second,
    "press": _press,
    "insert": _insert,
    "remove": _remove,
    "refill": _refill,
    "fault": _fault,
    "upset": _upset,
    "advance": _advance,
    "reset": _reset,
    "cut_power": _cut_power,
    "list": _list,
    "state": _state,
    "digest": _digest,
    "trace": _trace,
    "images": _images,
}
