# SPDX-License-Identifier: Apache-2.0
"""`boot.py` and `main.py` on the real MicroPython: a loader that cannot be loaded ends off, with words and a reset.

What a slot can do is checked in `tests/loader`. Prints what happened to the pins, then the last words. Arguments: the
folder of the entry scripts, one to write to.
"""

import os
import sys

events = []


class Reset(BaseException):
    pass


class Pin:
    IN, OUT, PULL_UP = 1, 3, 2

    def __init__(self, number, mode=None, pull=None, value=None, hold=None):
        if value is not None:
            events.append((number, value, hold))

    def value(self):
        return 1


class Pwm:
    def __init__(self, pin, duty_u16):
        events.append(("pwm", duty_u16))

    def deinit(self):
        events.append(("deinit",))


class Machine:
    def reset(self):
        events.append(("reset",))
        raise Reset


def main(entry, root):
    machine = Machine()
    machine.Pin = Pin
    machine.PWM = Pwm
    sys.modules["machine"] = machine
    sys.path.insert(0, entry)
    import boot
    import main as script

    events.clear()
    script._ROOT = root + "/"
    try:
        # The loader's first import fails here: this machine has no watchdog.
        script.run()
    except Reset:
        pass
    print([event for event in events if event[0] in boot.OFF][:3])
    print(events[-1])
    print(os.listdir(root + "/data"))
    with open(root + "/data/last_words") as f:
        print(f.read())


main(sys.argv[1], sys.argv[2])
