# SPDX-License-Identifier: Apache-2.0
"""A session's figures as label and text, the same wherever a person reads them."""

from podsteam import words
from podsteam.recap import Summary
from podsteam.store.model import RECORDING, Stored
from podsteam.text import safe
from podsteam.wire.messages import StopValue

Fact = tuple[str, str]


def result_facts(summary: Summary) -> list[Fact]:
    """What came out of a session."""
    s = summary
    ended = words.word(words.STOP, s.stop_reason) if s.complete else "cut off: the record has no end"
    facts = [("Ended", ended)]
    if s.fault:
        facts.append(("Fault", words.code(s.fault)))
    facts.append(("Duration", f"{words.clock(s.duration_s)} min"))
    steam_after = "steam was not reached" if s.time_to_steam_s is None else f"{words.clock(s.time_to_steam_s)} min"
    facts.append(("Time to steam", steam_after))
    if s.steam_rate_mg_min is not None:
        rate = f"{s.steam_rate_mg_min / 1000:.2f} g/min on average"
        facts.append(("Steam", f"{s.steam_mg / 1000:.1f} g in {words.clock(s.steam_s)} min, {rate}"))
    facts.append(("Energy", f"{s.energy_j / 1000:.1f} kJ"))
    doses = f"{s.doses} given, {words.microlitres(s.dosed_nl)}"
    facts.append(("Doses", doses + (f"; {s.doses_refused} refused" if s.doses_refused else "")))
    peaks = (("wall", s.max_wall_cdeg), ("water", s.max_water_cdeg), ("outlet", s.max_outlet_cdeg))
    shown = ", ".join(f"{name} {value / 100:.1f}" for name, value in peaks if value is not None)
    if shown:
        facts.append(("Highest, °C", shown))
    if s.water_left_g is not None:
        facts.append(("Water left", f"{s.water_left_g:.0f} g, estimated"))
    if s.scale_percent is not None:
        facts.append(("Scale", f"wall resistance {s.scale_percent:.0f} % over clean"))
    if s.descale:
        facts.append(("Descale", "soon"))
    return facts


def session_facts(stored: Stored) -> list[Fact]:
    """What a session was: unit, time, program, podlet, labels."""
    entry = stored.entry
    facts = [("Record", entry.id)]
    if entry.started:
        facts.append(("Started", entry.started.isoformat(sep=" ", timespec="seconds")))
    facts.append(("Unit", entry.uid + (" (SIMULATED: everything shown is computed)" if entry.simulated else "")))
    facts.append(
        (
            "Session",
            f"{entry.session}, started " + ("with a host" if entry.by_host else "by the button alone"),
        )
    )
    facts.append(("Firmware", f"{safe(entry.firmware)}, hash {entry.firmware_hash}"))
    facts.append(("Program", safe(entry.program) or "not known"))
    tag = f", tag {entry.podlet_uid}" if entry.podlet_uid else ""
    facts.append(("Podlet", words.word(words.PODLET, entry.podlet) + tag))
    for name, value in entry.tags.items():
        facts.append((safe(name), safe(value)))
    if entry.note:
        facts.append(("Note", safe(entry.note, 4000)))
    for added in stored.annotations:
        tags = [safe(f"{k} taken away" if v is None else f"{k}={v}") for k, v in added.tags.items()]
        text = "; ".join([*tags, *([safe(added.note, 4000)] if added.note else [])])
        facts.append(("Added", f"{added.at:%Y-%m-%d %H:%M} UTC{' by ' + safe(added.by) if added.by else ''}: {text}"))
    if entry.state == RECORDING:
        facts.append(("Record's state", "still being recorded"))
    if entry.ending:
        facts.append(("Recording ended", safe(entry.ending)))
    return facts


def headline(stored: Stored) -> str:
    """The session's title."""
    name = safe(stored.entry.program)
    return f"Session {stored.entry.session}" + (f", program {name}" if name else "")


def subtitle(stored: Stored) -> tuple[str, str]:
    """Two lines under the title of a picture."""
    entry, s = stored.entry, stored.record.summary
    parts = [f"unit {entry.uid}"]
    if entry.started:
        parts.append(f"{entry.started:%Y-%m-%d %H:%M}")
    parts += [safe(f"{name} {value}", 60) for name, value in entry.tags.items()][:3]
    if entry.simulated:
        parts.append("SIMULATED")
    results = [words.word(words.STOP, s.stop_reason) if s.complete else "cut off"]
    if s.stop_reason == StopValue.FAULT and s.fault:
        results = [f"fault {words.code(s.fault).split(':')[0]}"]
    if s.time_to_steam_s is not None:
        results.append(f"steam after {words.clock(s.time_to_steam_s)}")
    if s.steam_rate_mg_min is not None:
        rate = f"{s.steam_rate_mg_min / 1000:.2f} g/min"
        results.append(f"{s.steam_mg / 1000:.1f} g in {words.clock(s.steam_s)} ({rate})")
    results.append(f"{s.doses} doses, {words.microlitres(s.dosed_nl)}")
    results.append(f"{s.energy_j / 1000:.1f} kJ")
    return " · ".join(parts), " · ".join(results)
