# SPDX-License-Identifier: Apache-2.0
"""What the person sees and hears, as data: rhythms of the status light and sounds of the buzzer.

`protocol/generate.py` turns this into the numbers in the device's `messages.py`, the host's words and
`docs/signs.md`. Never loaded on the device.

A rhythm is 20 steps of 200 ms, `#` lit, and repeats every 4 s. Colour only repeats what the rhythm says already: no two
rhythms are alike, wherever a person begins to look. A short flash is one step, a long one three or more. A fault begins
with a long flash, and the short ones after it count its class. Nothing flashes more than three times in a second.
"""

STEP_MS = 200
STEPS = 20
SOUND_STEP_MS = 100
SOUND_STEPS = 8

COLOURS = {"red": 1, "green": 2, "yellow": 3, "blue": 4, "magenta": 5, "cyan": 6, "white": 7}
"""Bits of the lamps: red, green, blue, as on the board's expander."""

# A light is (name, colour, rhythm, what it means, what to do).

LIGHTS = (
    ("READY", "green", "#...................", "Ready.", "Press and release the button to start the stored program."),
    ("PRESS", "yellow", "##..##..##..##..##..", "The device waits for its button: a host asked to start or to go on.", "Press and release the button within a minute, or let it lapse."),
    ("WARM_UP", "magenta", "########..########..", "Heating; there is no steam yet.", "Wait. A press of the button stops."),
    ("STEAM", "blue", "####################", "Making steam.", "A press of the button stops."),
    ("PAUSED", "cyan", "##########..........", "Paused: heater and dosing are off, the session is kept.", "Let the host go on, or press the button to stop."),
    ("COOLING", "white", "####................", "The session is over; the boiler is still hot.", "Leave it alone until it is cool."),
    ("NOT_READY", "yellow", "#.#.................", "Not ready: no water, tilted, no mains, condensate not drained, the outlet too hot, or it has to rest.", "Mend what is missing; `podsteam status` names it."),
    ("PODLET", "yellow", "#.#.#...............", "The podlet is nearly or wholly empty, expired, or cannot be read.", "Change it, or go on without its doses."),
    ("DESCALE", "white", "#.#.#.#.............", "Scale has grown; the boiler should be descaled soon.", "Descale it before one of the next sessions."),
    ("UPDATE", "cyan", "#.#.#.#.#...........", "New firmware is being stored.", "Leave it powered until this ends."),
    ("CONFIRM", "yellow", "###.###.###.........", "The podlet holds what its owner listed as an allergen.", "Hold the button for 3 s to use it all the same, or take the podlet out."),
    ("CLEAR", "red", "#.#.#.#.#.#.#.#.#.#.", "The button is held to clear a fault.", "Hold on for 3 s. If the fault's sign comes back, the boiler is still too hot."),
    ("SAFE_MODE", "red", "###.###.............", "Safe mode: no application could be started. Everything is off.", "Switch it off and on; if it comes back, install the firmware again."),
    ("FAULT_SENSOR", "red", "###.#...............", "Fault: a sensor, or what feeds them.", "`podsteam status` names it; let it cool, mend it, then hold the button for 3 s."),
    ("FAULT_HOT", "red", "###.#.#.............", "Fault: too hot, or boiled dry.", "Let it cool, look for water and scale, then hold the button for 3 s."),
    ("FAULT_POWER", "red", "###.#.#.#...........", "Fault: the element or what switches it.", "Unplug it. `podsteam status` names the part."),
    ("FAULT_CONTROL", "red", "###.#.#.#.#.........", "Fault: the controller itself.", "Let it cool, then hold the button for 3 s; report it if it comes back."),
    ("FAULT_DOSE", "red", "###.#.#.#.#.#.......", "Fault: the podlet's valve.", "Take the podlet out. `podsteam status` names the part."),
)

FAULT_CLASSES = ("FAULT_CONTROL", "FAULT_SENSOR", "FAULT_HOT", "FAULT_POWER", "FAULT_DOSE")
"""Lights of the fault classes; the first one is shown for a code without a class of its own."""

# A sound is (name, rhythm of 8 steps of 100 ms, what it means). Each is played once, when it begins.

SOUNDS = (
    ("START", "#.......", "It begins to heat, or a fault was cleared."),
    ("END", "#.#.....", "The session is over."),
    ("CONFIRM", "#.#.#...", "The device waits for its button: look at the light."),
    ("FAULT", "###.###.", "A fault: heater and dosing are off."),
)


def lit(rhythm: str) -> int:
    """A rhythm as bits: bit i is set while step i is on."""
    return sum(1 << i for i, step in enumerate(rhythm) if step == "#")


def word(colour: str, rhythm: str) -> int:
    """A light as the device plays it: the lamps' bits above the rhythm's."""
    return COLOURS[colour] << STEPS | lit(rhythm)


def flashes(rhythm: str) -> list[int]:
    """Lengths of its flashes in steps, from its beginning; a rhythm never ends lit, unless it is steady."""
    return [len(run) for run in rhythm.split(".") if run]


_LENGTHS = {1: "short", 2: "even", 3: "long", 4: "long"}
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def in_words(rhythm: str, what: str = "flash") -> str:
    """A rhythm for people: `one long, two short flashes`; `what` it consists of, if not flashes."""
    if "." not in rhythm:
        return "steady"
    runs: list[tuple[int, int]] = []
    for length in flashes(rhythm):
        if runs and runs[-1][0] == length:
            runs[-1] = (length, runs[-1][1] + 1)
        else:
            runs.append((length, 1))
    parts = [f"{_COUNTS[count]} {_LENGTHS.get(length, 'very long')}" for length, count in runs]
    many = what + ("es" if what.endswith("sh") else "s")
    return f"{', '.join(parts)} {what if runs[-1][1] == 1 else many}"
