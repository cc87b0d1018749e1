# SPDX-License-Identifier: Apache-2.0
"""One start of a unit on the real MicroPython: a built file system, mounted, and `main.py` run from it.

    boot_checks.py IMAGE SIZE CAUSE RTC

The file system is real littlefs on a block device in memory; what runs is imported from it, compiled as on the board.
`machine` and `esp32` are stand-ins without any behaviour but a line, on which a host says HELLO. Prints where the parts
came from, the ids and texts of the frames that were answered, and why the start ended; writes the image and the RTC's
memory back.
"""

import gc
import struct
import sys
import time

import vfs

ROOT = "/unit"
TURNS = 10
HELLO = b"\x00\x04\x01\x01\x05\x01\x01\x07\x01\x01'D.1\x00"
"""The frame of HELLO with token 5, version 1.1, number 1."""


class Ram:
    """The flash: a block device of 4096-byte blocks."""

    def __init__(self, data):
        self.data = data

    def readblocks(self, block, buf, offset=0):
        at = block * 4096 + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]
        return 0

    def writeblocks(self, block, buf, offset=0):
        at = block * 4096 + offset
        self.data[at : at + len(buf)] = buf
        return 0

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.data) // 4096
        if op == 5:
            return 4096
        if op == 6:
            self.data[arg * 4096 : (arg + 1) * 4096] = b"\xff" * 4096
        return 0


class Reset(BaseException):
    """The chip was reset."""


class Part:
    """Any peripheral: takes everything, answers nothing."""

    IN, OUT, PULL_UP, IRQ_RISING, RISING, ATTN_11DB = 1, 3, 2, 1, 1, 3

    def __init__(self, *args, **kwargs):
        pass

    def __getattr__(self, name):
        return lambda *args, **kwargs: 0


class Rtc(Part):
    """The RTC's memory."""

    kept = b""

    def memory(self, data=None):
        if data is None:
            return Rtc.kept
        Rtc.kept = bytes(data)


class Bus(Part):
    """An I2C bus that nobody answers on."""

    def writeto(self, address, buf):
        raise OSError(19)

    def readfrom_into(self, address, buf):
        raise OSError(19)


class Watchdog(Part):
    """Ends the start when enough was fed."""

    feeds = 0

    def feed(self):
        Watchdog.feeds += 1
        if Watchdog.feeds == TURNS:
            raise SystemExit


class Uart(Part):
    """The line: HELLO waits in it."""

    received = b""
    sent = b""

    def any(self):
        return len(Uart.received)

    def readinto(self, buf):
        got = min(len(buf), len(Uart.received))
        buf[:got] = Uart.received[:got]
        Uart.received = Uart.received[got:]
        return got

    def write(self, buf, length):
        Uart.sent += bytes(buf[:length])
        return length


class Machine:
    """The module `machine`."""

    PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
    Pin = PWM = ADC = Counter = Part
    RTC, I2C, UART, WDT = Rtc, Bus, Uart, Watchdog

    def __init__(self, cause):
        self.cause = cause

    def reset_cause(self):
        return self.cause

    def unique_id(self):
        return b"\x02\x50\x00\x00\x00\x01"

    def reset(self):
        raise Reset


class Esp32:
    """The module `esp32`."""

    RMT = Part

    class Partition(Part):
        """No partition of ours."""

        TYPE_DATA = 1

        @staticmethod
        def find(*args, **kwargs):
            return []


def frames():
    """What was answered: (id, payload) of each frame."""
    from podsteam_protocol import frame

    return [(body[0], body[2:]) for is_frame, body in frame.Splitter().feed(Uart.sent) if is_frame]


def main(path, size, cause, rtc):
    flash = Ram(bytearray(int(size)))
    with open(path, "rb") as f:
        f.readinto(flash.data)
    with open(rtc, "rb") as f:
        Rtc.kept = f.read()
    vfs.mount(vfs.VfsLfs2(flash, readsize=32, progsize=32, lookahead=32), ROOT)
    sys.modules["machine"] = Machine(int(cause))
    sys.modules["esp32"] = Esp32()
    # On the board the root is what comes first. Nothing of the checkout may be found from here on.
    sys.path[:] = [ROOT]
    import main as script

    Uart.received = HELLO
    script._ROOT = ROOT + "/"
    gc.collect()
    before = gc.mem_alloc()
    entered = script._enter
    began_ms = time.ticks_ms()
    # Time to the choice, and the heap that the loader leaves behind.
    figures = {"chosen_ms": 0, "left": 0, "modules": 0}

    def enter(folder):
        figures["chosen_ms"] = time.ticks_diff(time.ticks_ms(), began_ms)
        entered(folder)
        gc.collect()
        figures["left"] = gc.mem_alloc() - before
        figures["modules"] = len([name for name in sys.modules if name.startswith("podsteam_")])

    script._enter = enter
    try:
        script.run()
    except Reset:
        pass
    sources = [
        "%s %s" % (name, module.__file__)
        for name, module in sorted(sys.modules.items(), key=lambda item: item[0])
        if name in ("podsteam_firmware.loop", "podsteam_protocol.frame", "podsteam_loader.safe")
    ]
    print("sources:", ", ".join(sources))
    for kind, payload in frames():
        caps = struct.unpack("<I", payload[4 + 16 : 4 + 20])[0] if kind == 0x81 else 0
        print("frame: %#04x %s" % (kind, caps if kind == 0x81 else len(payload)))
    try:
        with open(ROOT + "/data/last_words") as f:
            print("words:", f.read().strip().split("\n")[-1])
    except OSError:
        print("words: none")
    print("figures:", figures)
    with open(path, "wb") as f:
        f.write(flash.data)
    with open(rtc, "wb") as f:
        f.write(Rtc.kept)


main(*sys.argv[1:])
