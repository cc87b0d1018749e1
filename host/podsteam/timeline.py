# SPDX-License-Identifier: Apache-2.0
"""A dry run: what a program will do and when, worked out without a device."""

from typing import Any

from podsteam.program import phases_of
from podsteam.text import name_of
from podsteam.wire.messages import Program

Entry = dict[str, Any]


def timeline(program: Program) -> list[Entry]:
    """What happens, in order: `since` ("start" or "steam"), `t_s` (s after that) and `what` (one line).

    "start" is the release of the button, "steam" the first verified steam; how long lies between them depends on
    the water and the mains, so it is only bounded.
    """
    entries: list[Entry] = []
    if program.hold_cdeg and program.hold_s:
        what = f"heat to {program.hold_cdeg / 100:g} C and keep warm for {program.hold_s} s"
        entries += [_entry("start", 0, what), _entry("start", program.hold_s, "at the earliest: heat to steam")]
    else:
        entries.append(_entry("start", 0, "heat to steam"))
    entries[-1]["what"] += f", give up after {program.warm_up_max_s} s"
    at_s = 0
    steam: list[Entry] = []
    for rate, length in phases_of(program):
        steam.append(_entry("steam", at_s, f"steam {rate / 1000:g} g/min for {length} s"))
        at_s += length
    volume = f"{program.dose_nl / 1000:g} uL" if program.dose_nl else "volume as the podlet asks"
    for i in range(program.dose_count):
        dose_s = program.dose_first_s + i * program.dose_every_s
        steam.append(_entry("steam", dose_s, f"dose {i + 1} of {program.dose_count}, {volume}"))
    steam.sort(key=lambda entry: entry["t_s"])
    end = _entry("steam", at_s, f"heater and dosing off, cool to {program.end_cdeg / 100:g} C")
    return [*entries, *steam, end]


def _entry(since: str, t_s: int, what: str) -> Entry:
    return {"since": since, "t_s": t_s, "what": what}


def totals(program: Program) -> Entry:
    """The program's sums: steam time and mass, doses, and the longest it can heat.

    `dose_ul` is None when the podlet decides. `longest_s` leaves out the time to reach the keep-warm temperature.
    """
    phases = phases_of(program)
    steam_s = sum(length for _, length in phases)
    return {
        "name": name_of(program.name),
        "steam_s": steam_s,
        "steam_g": round(sum(rate * length for rate, length in phases) / 60_000, 2),
        "doses": program.dose_count,
        "dose_ul": program.dose_nl / 1000 if program.dose_nl else None,
        "longest_s": program.hold_s + program.warm_up_max_s + steam_s,
    }
