# SPDX-License-Identifier: Apache-2.0
"""Every light as the firmware plays it, tick for tick, and every sound: on CPython and on the real MicroPython.

`main` plays each case for two rounds and prints a line: its name, the lamps, and the rhythm that they showed, looked at
in the middle of each step. On MicroPython the ticks run with the heap locked.
"""

from podsteam_firmware.session.button import HOLD_TICKS
from podsteam_firmware.signs import Signs
from podsteam_protocol import messages as m

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock() -> None:
        pass

    def heap_unlock() -> None:
        pass


TICKS_IN_STEP = 4


class Any:
    """Something with attributes."""


def bench():
    """Signs with a session, a supervisor and a reader that are set by hand."""
    session, supervisor, reader, button = Any(), Any(), Any(), Any()
    session.state = m.STATE_IDLE
    session.resume_armed = False
    session.button = button
    button.held_ticks = 0
    supervisor.fault = 0
    reader.state = m.PODLET_ABSENT
    reader.doses_left = 0
    reader.date_note = 0
    return Signs(session, supervisor, reader), session, supervisor, reader


def play(signs, ready, ticks):
    """Lamps and sounds of so many ticks."""
    lamps = []
    sounds = []
    for _ in range(ticks):
        heap_lock()
        try:
            signs.step(ready)
        finally:
            heap_unlock()
        lamps.append(signs.lights)
        if signs.sound:
            sounds.append(signs.sound)
    return lamps, sounds


def rhythm(lamps):
    """What the lamps of whole rounds show, in steps: `#` lit."""
    return "".join("#" if lamps[i] else "." for i in range(TICKS_IN_STEP // 2, len(lamps), TICKS_IN_STEP))


# Name of the light to what brings it about: attributes of session, supervisor, reader, and of the signs themselves.
CASES = {
    "READY": {},
    "PRESS": {"state": m.STATE_ARMED},
    "WARM_UP": {"state": m.STATE_WARM_UP},
    "STEAM": {"state": m.STATE_STEAM},
    "PAUSED": {"state": m.STATE_PAUSED},
    "COOLING": {"state": m.STATE_COOLING},
    "NOT_READY": {"ready": False},
    "PODLET": {"podlet": m.PODLET_GUEST, "doses_left": 2},
    "DESCALE": {"descale": True},
    "UPDATE": {"updating": True},
    "CONFIRM": {"confirm": True, "state": m.STATE_ARMED},
    "CLEAR": {"state": m.STATE_FAULT, "fault": m.CODE_DRY_BOIL, "held": HOLD_TICKS},
    "FAULT_SENSOR": {"state": m.STATE_FAULT, "fault": m.CODE_WALL_OPEN},
    "FAULT_HOT": {"state": m.STATE_FAULT, "fault": m.CODE_DRY_BOIL},
    "FAULT_POWER": {"state": m.STATE_FAULT, "fault": m.CODE_SSR_WELDED},
    "FAULT_CONTROL": {"state": m.STATE_FAULT, "fault": m.CODE_SAMPLES_STALE},
    "FAULT_DOSE": {"state": m.STATE_FAULT, "fault": m.CODE_VALVE_STUCK_ON},
}


def bring_about(case):
    """A bench in the case's state, and whether it is ready."""
    signs, session, supervisor, reader = bench()
    session.state = case.get("state", m.STATE_IDLE)
    session.button.held_ticks = case.get("held", 0)
    supervisor.fault = case.get("fault", 0)
    reader.state = case.get("podlet", m.PODLET_ABSENT)
    reader.doses_left = case.get("doses_left", 0)
    signs.confirm = case.get("confirm", False)
    signs.descale = case.get("descale", False)
    signs.updating = case.get("updating", False)
    return signs, case.get("ready", True)


def main():
    for name in sorted(CASES):
        signs, ready = bring_about(CASES[name])
        lamps, sounds = play(signs, ready, 2 * m.SIGN_STEPS * TICKS_IN_STEP)
        shown = [lit for lit in lamps if lit]
        assert min(shown) == max(shown)
        print(name, shown[0], rhythm(lamps), ",".join([str(sound) for sound in sounds]) or "-")


if __name__ == "__main__":
    main()
