# SPDX-License-Identifier: Apache-2.0
"""The production test of a unit: its steps and limits, and its record on the store's chain.

A record is a fact of kind "production" whose subject is the unit's address. Nothing on the unit is changed before all
else has passed; its identity is written last (`production_identity`).
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from podsteam.client import Device
from podsteam.errors import DeviceLost, Refused, UsageProblem, WrongVersion, line_broke
from podsteam.text import safe
from podsteam.tomlfile import table_of
from podsteam.wire import messages as m

if TYPE_CHECKING:
    from podsteam.identity import Block
    from podsteam.production_identity import Asked
    from podsteam.store.database import Store

PASS, FAIL = "pass", "fail"
Step = dict[str, Any]
"""step, result, and where there is one: measured, limits (least and most), problem."""
Record = dict[str, Any]
"""What one attempt found, as it is stored."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_MOST_BYTES = 65_536
_MEASURED: dict[str, Callable[[m.StatusGetReply], float]] = {
    "wall_c": lambda status: status.wall_cdeg / 100,
    "water_c": lambda status: status.water_cdeg / 100,
    "outlet_c": lambda status: status.outlet_cdeg / 100,
    "mains_v": lambda status: status.mains_dv / 10,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a unit at rest may measure."""

    ranges: Mapping[str, tuple[float, float]]
    """Least and most, by name: wall_c, water_c, outlet_c in degC, mains_v in V."""
    sha256: str
    """Of the file; "": there is none."""


NO_LIMITS = Limits({}, "")


def name_of(text: str, what: str) -> str:
    """A serial number or hardware revision that labels and file names can take. Raises UsageProblem."""
    if not _NAME.fullmatch(text):
        raise UsageProblem(
            f"'{safe(text, 40)}' is no {what}; it has 1 to 32 of A-Z, a-z, 0-9, dot, - and _, and starts with a"
            " letter or digit."
        )
    return text


def bytes_of(path: Path) -> bytes:
    """A small input file. Raises UsageProblem."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as e:
        raise UsageProblem(f"{path}: cannot be read ({e.strerror or e}).") from e
    if len(raw) > _MOST_BYTES:
        raise UsageProblem(f"{path}: is larger than {_MOST_BYTES} bytes; name another file.")
    return raw


def load_limits(path: Path) -> Limits:
    """The table [limits] of a TOML file. Raises UsageProblem, which names the key."""
    raw = bytes_of(path)
    found = table_of(raw, str(path))
    table = found.pop("limits", None)
    if found or not isinstance(table, dict):
        raise UsageProblem(f"{path}: must have one table, [limits], and nothing else.")
    return Limits(ranges_of(cast("dict[str, Any]", table), str(path)), hashlib.sha256(raw).hexdigest())


def ranges_of(table: Mapping[str, Any], where: str) -> dict[str, tuple[float, float]]:
    """The ranges in a table [limits] of the file `where`. Raises UsageProblem."""
    ranges: dict[str, tuple[float, float]] = {}
    for key, value in table.items():
        if key not in _MEASURED:
            raise UsageProblem(f"{where}: there is no limit '{safe(key, 40)}'; there are {', '.join(_MEASURED)}.")
        ranges[key] = _range(value, f"{where}: {key}")
    return ranges


def _range(value: Any, what: str) -> tuple[float, float]:
    pair = cast("list[Any]", value) if isinstance(value, list) else []
    if len(pair) == 2 and all(isinstance(each, int | float) and not isinstance(each, bool) for each in pair):
        least, most = float(pair[0]), float(pair[1])
        if least <= most:
            return least, most
    raise UsageProblem(f"{what} must be [least, most], such as [10, 35].")


def steps_of(
    device: Device, limits: Limits, told: Callable[[str], None] = lambda _: None, again: bool = False
) -> tuple[list[Step], m.InfoGetReply | None]:
    """Run the steps on a greeted device that only read. One that goes away in the middle fails where it was.

    `told` is called with the name of each step before it. With `again` DeviceLost is raised: the caller tries again.
    """
    steps: list[Step] = [{"step": "greeting", "result": PASS}]
    info: m.InfoGetReply | None = None
    at = "info"
    try:
        told(at)
        info = device.info()
        steps.append({"step": "info", "result": PASS})
        at = "selftest"
        told(at)
        steps.append(_selftest(device.selftest()))
        at = "rest"
        told(at)
        status = device.status()
    except (DeviceLost, Refused, WrongVersion) as e:
        if again and line_broke(e):
            raise
        return [*steps, {"step": at, "result": FAIL, "problem": safe(str(e), 300)}], info
    steps.append(_rest(status))
    for name, (least, most) in limits.ranges.items():
        measured = _MEASURED[name](status)
        result = PASS if least <= measured <= most else FAIL
        steps.append({"step": name, "result": result, "measured": measured, "limits": [least, most]})
    return steps, info


def _selftest(reply: m.SelftestGetReply) -> Step:
    failed = [check.name for bit, check in m.CHECKS.items() if reply.failed & bit]
    if reply.failed & ~sum(m.CHECKS):
        failed.append("a check that this host tool does not know")
    ran = [check.name for bit, check in m.CHECKS.items() if reply.done & bit]
    if failed or not ran:
        problem = f"failed: {', '.join(failed)}" if failed else "no check has run"
        return {"step": "selftest", "result": FAIL, "measured": ran, "problem": problem}
    return {"step": "selftest", "result": PASS, "measured": ran}


def _rest(status: m.StatusGetReply) -> Step:
    if status.fault:
        code = m.CODES.get(status.fault)
        what = code.name if code else f"code {status.fault}"
        return {"step": "rest", "result": FAIL, "problem": f"the fault {what} is latched"}
    if status.state != m.StateValue.IDLE:
        return {"step": "rest", "result": FAIL, "problem": "it is not idle"}
    return {"step": "rest", "result": PASS}


def history(store: "Store") -> dict[str, list[Record]]:
    """All attempts of all units, by unit and time; each with `unit` and `when`. What others have registered as
    production tests is left out."""
    from podsteam.store.facts import facts

    found: dict[str, list[Record]] = {}
    for fact in facts(store, "production"):
        if isinstance(fact.value.get("attempt"), int) and isinstance(fact.value.get("steps"), list):
            when = fact.since.isoformat(timespec="seconds")
            found.setdefault(fact.subject, []).append({**fact.value, "unit": fact.subject, "when": when})
    return found


def passed(attempts: list[Record]) -> bool:
    """Whether the last of a unit's attempts passed."""
    return bool(attempts) and attempts[-1]["result"] == PASS


def refuse(past: dict[str, list[Record]], unit: str, serial: str, again: bool) -> None:
    """Raises UsageProblem when the unit has passed and `again` is off, or when the serial is another unit's."""
    mine = past.get(unit, [])
    if passed(mine) and not again:
        raise UsageProblem(f"Unit {unit} passed already, as {mine[-1]['serial']}; add --again to test it once more.")
    for other, attempts in past.items():
        if other != unit and passed(attempts) and attempts[-1]["serial"] == serial:
            raise UsageProblem(f"The serial {serial} belongs to unit {other}; choose another.")


def examine(
    store: "Store",
    device: Device,
    block: "Block",
    limits: Limits,
    attempt: int,
    asked: "Asked",
) -> Record:
    """Test a greeted unit, write its identity if it passes, and put the record on the chain. Raises StoreFailed.

    `asked` as for `identity.write`.
    """
    from podsteam import production_identity

    steps, info = steps_of(device, limits)
    if all(step["result"] == PASS for step in steps):
        steps.append(production_identity.step(device, block, asked))
    record = record_of(device, block, steps, info, limits, attempt)
    return noted(store, device.hello.uid.hex(), record)


def noted(store: "Store", unit: str, record: Record) -> Record:
    """Put an attempt on the chain, and return it with its unit. Raises StoreFailed."""
    from podsteam.store.facts import note

    note(store, "production", unit, record)
    return {**record, "unit": unit}


def record_of(
    device: Device,
    block: "Block",
    steps: Sequence[Step],
    info: m.InfoGetReply | None,
    limits: Limits,
    attempt: int,
) -> Record:
    """What an attempt found, as it is stored."""
    hello = device.hello
    return {
        "serial": block.serial,
        "hardware": block.hardware,
        "attempt": attempt,
        "result": PASS if all(step["result"] == PASS for step in steps) else FAIL,
        "steps": list(steps),
        "firmware": f"{hello.firmware_major}.{hello.firmware_minor}.{hello.firmware_patch}",
        "firmware_hash": info.firmware_hash.hex() if info else "",
        "board": safe(info.board.rstrip(b"\0")) if info else "",
        "limits_sha256": limits.sha256,
        "simulated": device.simulated,
    }


def failures(record: Record) -> list[str]:
    """What an attempt failed at, each in a few words."""
    found: list[str] = []
    for step in record["steps"]:
        if step["result"] == FAIL:
            why = step.get("problem") or f"{step['measured']:g}, limits {step['limits'][0]:g} to {step['limits'][1]:g}"
            found.append(f"{step['step']}: {why}")
    return found


def summary(past: dict[str, list[Record]]) -> dict[str, Any]:
    """Units, those whose last attempt passed, those whose first one did, yields, and failed steps by count."""
    counts: dict[str, int] = {}
    for attempts in past.values():
        for record in attempts:
            for step in record["steps"]:
                if step["result"] == FAIL:
                    counts[step["step"]] = counts.get(step["step"], 0) + 1
    units = len(past)
    good = sum(passed(attempts) for attempts in past.values())
    first = sum(attempts[0]["result"] == PASS for attempts in past.values())
    return {
        "units": units,
        "passed": good,
        "passed_first": first,
        "attempts": sum(map(len, past.values())),
        "yield": round(good / units, 4) if units else None,
        "first_yield": round(first / units, 4) if units else None,
        "failures": dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))),
    }
