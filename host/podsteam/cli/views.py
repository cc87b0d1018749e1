# SPDX-License-Identifier: Apache-2.0
"""Messages of the device as data for JSON, and as lines for people. Keys carry their unit; enumerations their names."""

from collections.abc import Iterable
from enum import IntEnum, IntFlag

from podsteam import words
from podsteam.cli.answer import Data
from podsteam.cli.output import fields
from podsteam.outlook import outlook
from podsteam.text import name_of
from podsteam.wire import messages as m


def enum_name(kind: type[IntEnum], value: int) -> str:
    """`WARM_UP` for a value; the number for one that a newer device may send."""
    try:
        return kind(value).name
    except ValueError:
        return str(value)


def bit_names(kind: type[IntFlag], value: int) -> list[str]:
    """Names of the bits that are set and known."""
    return [bit.name for bit in kind if value & bit and bit.name]


def hello_data(hello: m.HelloReply, boot_id: int) -> Data:
    """Who the device is."""
    return {
        "unit": hello.uid.hex(),
        "protocol": f"{hello.major}.{hello.minor}",
        "schema_hash": f"{hello.schema_hash:08x}",
        "firmware": f"{hello.firmware_major}.{hello.firmware_minor}.{hello.firmware_patch}",
        "boot_id": f"{boot_id:08x}",
        "reset_cause": enum_name(m.ResetValue, hello.reset_cause),
        "capabilities": bit_names(m.CapBits, hello.caps),
        "simulated": bool(hello.caps & m.CapBits.SIMULATED),
        "uptime_s": hello.uptime_ms / 1000,
        "speed": hello.speed,
    }


def info_data(info: m.InfoGetReply) -> Data:
    """What runs on it."""
    version = f"{info.interpreter_major}.{info.interpreter_minor}.{info.interpreter_patch}"
    return {
        "firmware_hash": info.firmware_hash.hex(),
        "interpreter": {"name": name_of(info.interpreter), "version": version, "word_bits": info.word_bits},
        "board": name_of(info.board),
        "heap_free_bytes": info.heap_free,
        "heap_used_bytes": info.heap_used,
    }


def info_text(data: Data) -> Iterable[str]:
    """`hello_data` and `info_data` together, for people."""
    run = data["interpreter"]
    simulated = " (simulated)" if data["simulated"] else ""
    return fields(
        [
            ("unit", data["unit"]),
            ("board", f"{data['board']}{simulated}"),
            ("firmware", f"{data['firmware']}, hash {data['firmware_hash']}"),
            ("interpreter", f"{run['name']} {run['version']}, {run['word_bits']} bit"),
            ("protocol", f"{data['protocol']}, schema {data['schema_hash']}"),
            ("heap", f"{data['heap_free_bytes']} B free, {data['heap_used_bytes']} B used"),
            ("boot id", data["boot_id"]),
            ("started", f"{words.clock(data['uptime_s'])} ago: {_reset_text(data['reset_cause'])}"),
            ("has", ", ".join(name.lower() for name in data["capabilities"]) or "-"),
        ]
    )


def _reset_text(name: str) -> str:
    known = {value.name: words.RESET[value] for value in m.ResetValue}
    return known.get(name, f"cause {name}")


def flags_data(flags: int) -> Data:
    """The state bits, under the names that exports use."""
    bits = m.FlagBits
    return {
        "steam_verified": bool(flags & bits.STEAM_OK),
        "relay_closed": bool(flags & bits.RELAY),
        "water_present": bool(flags & bits.WATER_OK),
        "latch_closed": bool(flags & bits.LATCH_CLOSED),
        "upright": bool(flags & bits.UPRIGHT),
        "button_held": bool(flags & bits.BUTTON),
        "podlet_present": bool(flags & bits.PODLET),
        "mains_in_range": bool(flags & bits.MAINS_OK),
        "lease_held": bool(flags & bits.LEASE),
        "sensor_check_pending": bool(flags & bits.DRIFTING),
        "descale_soon": bool(flags & bits.DESCALE),
        "condensate_full": bool(flags & bits.UNDRAINED),
        "outlet_too_hot": bool(flags & bits.OUTLET_HOT),
        "has_to_rest": bool(flags & bits.REST),
    }


def outlook_data(message: m.Tele | m.StatusGetReply) -> Data:
    """What is ahead; None for what the device cannot tell."""
    ahead = outlook(message)
    return {
        "to_steam_s": ahead.to_steam_s,
        "steam_left_s": ahead.steam_left_s,
        "water_g": ahead.water_g,
        "scale_percent": ahead.scale_percent,
    }


def code_data(code: int) -> Data | None:
    """An error or fault as data, None for 0."""
    if code == 0:
        return None
    known = m.CODES.get(code)
    return {
        "code": code,
        "name": known.name if known else "",
        "happened": known.happened if known else "This host tool does not know the code; it may be too old.",
        "device_did": known.did if known else "",
        "to_do": known.todo if known else "",
        "cause": known.cause if known else "",
        "latches": known.latches if known else None,
        "to_clear": words.to_clear(code),
        "light": _fault_light(known.light) if known and known.latches else "",
    }


def _fault_light(name: str) -> str:
    return next((f"{sign.words}, {sign.colour}" for sign in m.SIGNS.values() if sign.name == name), "")


def light_data(sign: int) -> Data | None:
    """What the status light plays, None while it is dark or plays something unknown."""
    known = m.SIGNS.get(sign)
    if known is None:
        return None
    return {
        "name": known.name,
        "words": known.words,
        "rhythm": known.rhythm,
        "colour": known.colour,
        "means": known.means,
        "to_do": known.todo,
    }


def status_data(status: m.StatusGetReply) -> Data:
    """The device's state."""
    return {
        "state": enum_name(m.StateValue, status.state),
        "regime": enum_name(m.RegimeValue, status.regime),
        "program": name_of(status.program),
        "session": status.session,
        "session_s": status.session_s,
        "stop_reason": enum_name(m.StopValue, status.stop_reason),
        "armed_s": status.armed_s,
        "lease_s": status.lease_ms / 1000,
        "wall_degC": status.wall_cdeg / 100,
        "water_degC": status.water_cdeg / 100,
        "outlet_degC": status.outlet_cdeg / 100,
        "mains_V": status.mains_dv / 10,
        "podlet": enum_name(m.PodletValue, status.podlet),
        "fault": code_data(status.fault),
        "steam_s": status.steam_s,
        "steam_g": status.steam_mg / 1000,
        **outlook_data(status),
        **flags_data(status.flags),
    }


def status_lines(status: m.StatusGetReply) -> list[str]:
    """The device's state for people."""
    flags = status.flags
    ahead = outlook(status)
    rows = [
        ("state", f"{words.word(words.STATE, status.state)}, {words.word(words.REGIME, status.regime)}"),
        ("wall", f"{status.wall_cdeg / 100:.1f} °C"),
        ("water", f"{status.water_cdeg / 100:.1f} °C, {_either(flags, m.FlagBits.WATER_OK, 'present', 'none')}"),
        ("outlet", f"{status.outlet_cdeg / 100:.1f} °C"),
        ("mains", f"{status.mains_dv / 10:.0f} V, {_either(flags, m.FlagBits.MAINS_OK, 'in range', 'out of range')}"),
        ("relay", _either(flags, m.FlagBits.RELAY, "closed", "open")),
        ("podlet", words.word(words.PODLET, status.podlet)),
        ("holder", f"latch {_either(flags, m.FlagBits.LATCH_CLOSED, 'closed', 'open')}"),
        ("position", _either(flags, m.FlagBits.UPRIGHT, "upright", "tilted")),
    ]
    if ahead.water():
        rows.insert(3, ("water left", ahead.water()))
    if ahead.scale():
        rows.append(("scale", ahead.scale()))
    if flags & m.FlagBits.CLEAN:
        rows.append(("line", "wants cleaning"))
    if ahead.to_steam_s is not None and status.state == m.StateValue.WARM_UP:
        rows.append(("steam", f"in about {words.clock(ahead.to_steam_s)}"))
    name = name_of(status.program)
    if status.state == m.StateValue.ARMED:
        rows.append(("session", f"{status.session} with {name}, {status.armed_s} s left to press the button"))
    elif status.state in (m.StateValue.WARM_UP, m.StateValue.STEAM, m.StateValue.PAUSED):
        rows.append(("session", f"{status.session} with {name}, {words.clock(status.session_s)} since its start"))
    elif status.session and status.stop_reason:
        rows.append(("last session", f"{status.session} with {name}: {words.word(words.STOP, status.stop_reason)}"))
    else:
        rows.append(("program", name))
    if status.fault:
        rows += [("fault", words.explained(status.fault)), ("to clear it", words.to_clear(status.fault) or "-")]
    return fields(rows)


def _either(flags: int, bit: m.FlagBits, yes: str, no: str) -> str:
    return yes if flags & bit else no


def tele_data(tele: m.Tele) -> Data:
    """One measurement."""
    return {
        "type": "measurement",
        "uptime_s": tele.uptime_ms / 1000,
        "session_s": tele.session_s,
        "state": enum_name(m.StateValue, tele.state),
        "regime": enum_name(m.RegimeValue, tele.regime),
        "wall_degC": tele.wall_cdeg / 100,
        "water_degC": tele.water_cdeg / 100,
        "outlet_degC": tele.outlet_cdeg / 100,
        "target_degC": tele.target_cdeg / 100,
        "mains_V": tele.mains_dv / 10,
        "duty_percent": tele.duty_permille / 10,
        "power_W": tele.power_dw / 10,
        "steam_g_per_min": tele.steam_mg_min / 1000,
        "energy_J": tele.energy_j,
        "dosed_uL": tele.dosed_nl / 1000,
        "doses": tele.doses,
        **outlook_data(tele),
        **flags_data(tele.flags),
    }


def tele_line(tele: m.Tele) -> str:
    """One measurement in at most 80 columns."""
    return (
        f"{words.clock(tele.session_s):>6} {words.word(words.STATE, tele.state):<8}"
        f" wall {tele.wall_cdeg / 100:5.1f} °C  outlet {tele.outlet_cdeg / 100:4.1f} °C"
        f"  {tele.power_dw / 10:4.0f} W  {tele.steam_mg_min / 1000:4.1f} g/min  {tele.doses} doses"
    )


def event_data(event: m.Event) -> Data:
    """One event."""
    return {
        "type": "event",
        "uptime_s": event.uptime_ms / 1000,
        "number": event.number,
        "event": enum_name(m.EventValue, event.event),
        "a": event.a,
        "b": event.b,
        "text": words.describe(event),
    }
