# SPDX-License-Identifier: Apache-2.0
"""The protocol's values in words: what a person reads for a state, a reason or an event.

Every function takes the bare integer of the wire and has an answer for a value that it does not know, because
a newer device may send one. Figures come with their unit.
"""

from collections.abc import Mapping

from podsteam.wire.messages import (
    CODES,
    DoseValue,
    Event,
    EventValue,
    PodletValue,
    RegimeValue,
    ResetValue,
    StateValue,
    StopValue,
    TuneReasonValue,
    TuneValue,
)

STATE: Mapping[int, str] = {
    StateValue.IDLE: "idle",
    StateValue.ARMED: "armed",
    StateValue.WARM_UP: "warm-up",
    StateValue.STEAM: "steam",
    StateValue.PAUSED: "paused",
    StateValue.COOLING: "cooling",
    StateValue.FAULT: "fault",
}
REGIME: Mapping[int, str] = {
    RegimeValue.IDLE: "heater off",
    RegimeValue.PROBE: "short pulse to tell wet from dry",
    RegimeValue.HEAT: "heating at full power",
    RegimeValue.APPROACH: "power tapers before boiling",
    RegimeValue.STEAM: "power follows the wanted steam",
    RegimeValue.HOLD: "holding the keep-warm temperature",
    RegimeValue.COOL: "heater off, cooling down",
    RegimeValue.FAULT: "heater off by the supervisor",
}
RESET: Mapping[int, str] = {
    ResetValue.UNKNOWN: "cause not told",
    ResetValue.POWER_ON: "power applied, or brown-out",
    ResetValue.HARD: "reset pin, software reset or panic",
    ResetValue.WATCHDOG: "the watchdog was not fed",
    ResetValue.DEEP_SLEEP: "woke up",
    ResetValue.SOFT: "interpreter restarted",
}
STOP: Mapping[int, str] = {
    StopValue.NONE: "not stopped",
    StopValue.DONE: "program finished",
    StopValue.BUTTON: "button pressed",
    StopValue.HOST: "stopped by a host",
    StopValue.LEASE_LOST: "the host went silent",
    StopValue.FAULT: "stopped by the supervisor",
    StopValue.NOT_STARTED: "the button was not pressed in time",
    StopValue.PAUSE_EXPIRED: "paused for too long",
    StopValue.NO_STEAM: "no steam within the warm-up time",
    StopValue.NO_WATER: "the water switch reports empty",
    StopValue.TILTED: "the device was tilted",
    StopValue.MAINS_LOST: "no mains voltage",
    StopValue.TUNE_FAILED: "the boiler could not be identified",
    StopValue.UNDRAINED: "the condensate trap is full",
    StopValue.OUTLET_HOT: "the outlet was hotter than it may be",
    StopValue.REST: "heated for as long as it may without a rest of a minute",
}
TUNE_REASON: Mapping[int, str] = {
    TuneReasonValue.NONE: "it has not failed",
    TuneReasonValue.STOPPED: "it was stopped before its end",
    TuneReasonValue.NOT_COLD: "the boiler was warm at the start",
    TuneReasonValue.TIMEOUT: "it took too long",
    TuneReasonValue.RESIDUAL: "the energy balance does not fit, as when water was poured in meanwhile",
    TuneReasonValue.METAL: "the heat capacity of the metal comes out implausible",
    TuneReasonValue.WATER: "the heat capacity of the water comes out implausible",
    TuneReasonValue.LOSS: "the loss to the room comes out implausible",
    TuneReasonValue.LAG: "the time constant comes out implausible",
    TuneReasonValue.GAINS: "the controller's gains come out implausible",
}
PODLET: Mapping[int, str] = {
    PodletValue.ABSENT: "none in the holder",
    PodletValue.READING: "being read",
    PodletValue.GUEST: "unsigned, under the device's own caps",
    PodletValue.SIGNED: "signature verified",
    PodletValue.EXHAUSTED: "no dose left",
    PodletValue.EXPIRED: "past its date",
    PodletValue.UNREADABLE: "unreadable, so nothing is dosed",
    PodletValue.REMOVED: "taken out during the session",
    PodletValue.RECALLED: "recalled, so nothing is dosed",
    PodletValue.ALLERGEN: "holds a listed allergen, waits for the button to be held",
}
DOSE: Mapping[int, str] = {
    DoseValue.GIVEN: "given",
    DoseValue.ASSUMED: "not confirmed, counted as given",
    DoseValue.NO_STEAM: "steam is not verified",
    DoseValue.OUTLET_COLD: "outlet below the podlet's window",
    DoseValue.OUTLET_HOT: "outlet above the podlet's window",
    DoseValue.NO_PODLET: "no usable podlet",
    DoseValue.LATCH_OPEN: "latch open",
    DoseValue.SHOT_CAP: "most in one shot",
    DoseValue.SESSION_CAP: "most in one session",
    DoseValue.INTERVAL: "too soon after the last dose",
    DoseValue.EMPTY: "podlet has no dose left",
    DoseValue.TAG_WRITE: "the tag did not take the count",
    DoseValue.HARD_LIMIT: "the firmware's own limit",
    DoseValue.NOT_CONTENT: "the supervisor does not allow it",
    DoseValue.NOT_RECORDED: "the device's ledger could not take it down",
    DoseValue.DAY_CAP: "most in 24 hours",
    DoseValue.RECALLED: "the podlet was recalled",
    DoseValue.ALLERGEN: "nobody has agreed to its allergens",
}


_ASCII = str.maketrans({"°": "", "µ": "u", "·": "-"})


def ascii_only(text: str) -> str:
    """The same text for a terminal that shows nothing but ASCII; what has no likeness there becomes `?`."""
    return text.translate(_ASCII).encode("ascii", "replace").decode()


def word(table: Mapping[int, str], value: int) -> str:
    """The phrase for a value of one of the tables above; `number N` for a value that is not in it."""
    return table.get(value) or f"number {value}"


def code(value: int) -> str:
    """An error or fault code in one sentence part: `111 DRY_BOIL: The boiler wall runs away ...`."""
    known = CODES.get(value)
    return f"{value} {known.name}: {known.happened.rstrip('.')}" if known else f"code {value}"


def explained(value: int) -> str:
    """An error or fault code in one line: its name, what happened, what the device did, what to do."""
    known = CODES.get(value)
    if known is None:
        return f"code {value}, which this host tool does not know; a newer one may"
    return f"{value} {known.name}: {known.happened} {known.did} {known.todo}"


def to_clear(value: int) -> str:
    """How a fault goes that the device found by itself; empty for an error, which is over when it was told."""
    known = CODES.get(value)
    if known is None or not known.cause:
        return ""
    if not known.latches:
        return "It goes with its cause."
    return "It stays, through resets too, until the wall is below 50 °C and the device's button is held for 3 s."


def microlitres(volume_nl: int) -> str:
    """A volume given in nL, in µL."""
    return f"{volume_nl / 1000:.1f} µL"


def clock(seconds: float) -> str:
    """A time span as `m:ss`, from an hour on as `h:mm:ss`; negative ones with a minus."""
    whole = round(abs(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
    return "-" + text if seconds < 0 and whole else text


def allergens(mask: int) -> str:
    """The allergens of a podlet's mask, by name."""
    from podsteam.allergens import names_of

    return ", ".join(names_of(mask)) or "no allergens"


def podlet(state: int, doses_left: int) -> str:
    """A podlet's state, with the doses that it still gives where it gives any."""
    text = word(PODLET, state)
    return f"{text}, {doses_left} doses left" if state in (PodletValue.GUEST, PodletValue.SIGNED) else text


def describe(event: Event) -> str:
    """An event as one line."""
    a, b = event.a, event.b
    match event.event:
        case EventValue.BOOT:
            return f"Device started: {word(RESET, a)}"
        case EventValue.STATE:
            return f"State: {word(STATE, a)} to {word(STATE, b)}"
        case EventValue.REGIME:
            return f"Heater: {word(REGIME, b)}"
        case EventValue.ARMED:
            return f"Session {a} armed " + ("by a host" if b else "by the button")
        case EventValue.STARTED:
            return f"Session {a} started" + (f", {clock(b)} of steam planned" if b else "")
        case EventValue.STOPPED:
            return f"Session stopped: {word(STOP, a)}" + (f"; {code(b)}" if b else "")
        case EventValue.FAULT:
            return f"Fault {explained(a)} (reading {b})"
        case EventValue.FAULT_CLEARED:
            return f"Fault cleared: {code(a)}"
        case EventValue.PODLET:
            return f"Podlet: {podlet(a, b)}"
        case EventValue.DOSE_INTENT:
            return f"Dose {b} of the podlet begins: {microlitres(a)}"
        case EventValue.DOSE_RESULT:
            return f"Dose {word(DOSE, a)}: {microlitres(b)}"
        case EventValue.DOSE_REFUSED:
            return f"Dose refused: {word(DOSE, a)} ({microlitres(b)} wanted)"
        case EventValue.DOSE_REDUCED:
            return f"Dose made smaller: {word(DOSE, a)}, {microlitres(b)} after it"
        case EventValue.DOSE_WANTED:
            bits = ", ".join(word(DOSE, i) for i in range(31) if b >> i & 1)
            return f"Dose of {microlitres(a)} wanted, which is too much: {bits}"
        case EventValue.ALLERGEN:
            return f"Podlet with {allergens(a)}: " + ("agreed to at the device" if b else "nobody has agreed to it")
        case EventValue.STEAM_VERIFIED:
            return f"Steam verified after {clock(a)}, wall at {b / 100:.1f} °C"
        case EventValue.LEASE:
            return "Host's lease taken" if a else "Host's lease lapsed"
        case EventValue.BUTTON:
            return "Button pressed" if a else "Button released"
        case EventValue.DRY_PROBE:
            return f"Probe pulse: {'wet' if b else 'dry'}, wall rose by {a / 100:.2f} K"
        case EventValue.STORE:
            return f"Store on the device: {code(a)} (detail {b})"
        case EventValue.TUNED:
            return "Boiler identified" if a == TuneValue.DONE else f"Boiler not identified: {word(TUNE_REASON, b)}"
        case _:
            return f"Event {event.event} (a {a}, b {b})"


def level(event: Event) -> str:
    """How much an event matters: `bad` (faults, refusals), `good` (doses, steam, done), `note` or
    `detail`."""
    a = event.a
    match event.event:
        case EventValue.FAULT | EventValue.DOSE_REFUSED | EventValue.STORE:
            return "bad"
        case EventValue.STOPPED:
            return "good" if a == StopValue.DONE else "bad"
        case EventValue.TUNED:
            return "good" if a == TuneValue.DONE else "bad"
        case EventValue.PODLET:
            usable = (PodletValue.READING, PodletValue.GUEST, PodletValue.SIGNED, PodletValue.ABSENT)
            return "note" if a in usable else "bad"
        case EventValue.DRY_PROBE:
            return "detail" if event.b else "bad"
        case EventValue.LEASE:
            return "detail" if a else "bad"
        case EventValue.DOSE_RESULT:
            return "good" if a == DoseValue.GIVEN else "note"
        case EventValue.STEAM_VERIFIED:
            return "good"
        case EventValue.REGIME | EventValue.BUTTON | EventValue.DOSE_INTENT | EventValue.DOSE_WANTED:
            return "detail"
        case _:
            return "note"
