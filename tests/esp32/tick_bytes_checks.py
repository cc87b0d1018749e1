# SPDX-License-Identifier: Apache-2.0
"""The HAL's part of a tick allocates nothing: for the real MicroPython, on parts that do nothing.

Prints the bytes that each verb allocated while the heap was locked; a verb that needs the heap raises there.
"""

import os
import sys

import micropython


class Pin:
    IN = OUT = PULL_UP = IRQ_RISING = 1

    def __init__(self, number, mode=None, pull=None, value=None, hold=None):
        pass

    def init(self, mode, value=None):
        pass

    def value(self, level=None):
        return 0

    def irq(self, handler, trigger):
        pass


class Adc:
    ATTN_11DB = 3

    def __init__(self, pin, atten):
        pass

    def read_uv(self):
        return 1234000


class I2c:
    def __init__(self, number, sda, scl, freq, timeout):
        pass

    def writeto(self, address, buf):
        return len(buf)

    def readfrom_into(self, address, buf):
        pass


class Uart:
    arrived = 0

    def __init__(self, number, baudrate, tx, rx, rxbuf, txbuf, timeout):
        pass

    def any(self):
        return Uart.arrived

    def readinto(self, buf):
        return 1

    def write(self, buf, length):
        return length


class Wdt:
    def __init__(self, timeout):
        pass

    def feed(self):
        pass


class Counter:
    RISING = 1

    def __init__(self, unit, pin, edge, filter_ns):
        self._n = 0

    def value(self):
        self._n += 1
        return self._n


class Rmt:
    def __init__(self, pin, resolution_hz):
        pass

    def wait_done(self):
        return True

    def write_pulses(self, durations, levels):
        pass


class Partition:
    TYPE_DATA = 1

    @staticmethod
    def find(kind, label):
        return [Partition()]

    def info(self):
        return (1, 6, 0x3F0000, 65536, "ledger", False)

    def readblocks(self, block, buf, offset):
        pass

    def writeblocks(self, block, buf, offset):
        pass


class Machine:
    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5

    def reset_cause(self):
        return 1

    def unique_id(self):
        return b"123456"


class Esp32:
    pass


def main(root):
    machine = Machine()
    for name, part in (("Pin", Pin), ("ADC", Adc), ("I2C", I2c), ("UART", Uart), ("WDT", Wdt), ("Counter", Counter)):
        setattr(machine, name, part)
    esp32 = Esp32()
    esp32.RMT = Rmt
    esp32.Partition = Partition
    sys.modules["machine"] = machine
    sys.modules["esp32"] = esp32
    from podsteam_firmware.hal.esp32 import Esp32Hal
    from podsteam_firmware.signals import Inputs

    hal = Esp32Hal(root)
    inputs = Inputs()
    buf = bytearray(250)
    record = bytearray(32)
    verbs = (
        ("sample", lambda: hal.sample(inputs)),
        ("heartbeat", lambda: hal.heartbeat()),
        ("burst", lambda: hal.burst(0x3FF, 10, 20000)),
        ("burst_busy", lambda: hal.burst_busy()),
        ("valve_pulse", lambda: hal.valve_pulse(123456)),
        ("burst_abort", lambda: hal.burst_abort()),
        ("valve_abort", lambda: hal.valve_abort()),
        ("light", lambda: hal.light(3)),
        ("beep", lambda: hal.beep(0x55)),
        ("feed", lambda: hal.feed()),
        ("wait", lambda: hal.wait(hal.now_ms() + 2)),
        ("link_read", lambda: hal.link_read(buf)),
        ("link_write", lambda: hal.link_write(buf, 100)),
        ("nfc_ready", lambda: hal.nfc_ready()),
        ("ring_read", lambda: hal.ring_read(64, record)),
        ("ring_program", lambda: hal.ring_program(4096 * 15 + 64, record, 32)),
    )
    for name, verb in verbs:
        Uart.arrived = int(name == "link_read")
        # The first call may build what lasts; only an abort undoes such a thing, and stands after its verb.
        verb()
        micropython.heap_lock()
        before = micropython.mem_total()
        try:
            for _ in range(20):
                verb()
            spent = micropython.mem_total() - before
        finally:
            micropython.heap_unlock()
        print(name, spent)
    assert os.listdir(root)


main(sys.argv[1])
