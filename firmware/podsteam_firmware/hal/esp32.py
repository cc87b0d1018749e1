# SPDX-License-Identifier: Apache-2.0
"""The one door to the ESP32: the verbs of `hal.verbs` over `machine` and `esp32`. Only the files beside this
one named `esp32_*` and the board's entry scripts import those modules too.
"""

import os

import machine
from machine import WDT, Pin

from podsteam_firmware import ticks
from podsteam_firmware.hal import BURST_DONE, LINK_RX, NFC_READY, VALVE_DONE, pins
from podsteam_firmware.hal.esp32_adc import Sampler
from podsteam_firmware.hal.esp32_bus import Bus, Clock, Panel, Part
from podsteam_firmware.hal.esp32_clock import now_ms, sleep_ms
from podsteam_firmware.hal.esp32_element import Element
from podsteam_firmware.hal.esp32_files import Files
from podsteam_firmware.hal.esp32_identity import firmware_hash, reset_cause
from podsteam_firmware.hal.esp32_link import RX_BUFFER, Link
from podsteam_firmware.hal.esp32_mains import Mains
from podsteam_firmware.hal.esp32_ring import Ring
from podsteam_firmware.hal.esp32_rmt import OneShot, low
from podsteam_firmware.signals import Inputs
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BytesIO

    from podsteam_firmware.hal.esp32_set_clock import Told
    from podsteam_firmware.hal.verbs import Hal, Inflater, Root
else:
    # The contract is for the type checker: the device never loads it.
    Hal = object

_READER = const(0x24)
"""The PN532's I2C address."""
_READER_HZ = const(400_000)
_AUX_HZ = const(100_000)
_WATCHDOG_MS = const(1000)
_STARTING_MS = const(10_000)
"""Time for the firmware to come to its first tick."""
_SOUND_STEPS = const(8)
_SOUND_PARTS = const(4)
"""Items of a step of a sound, 25 ms each."""
_PARTS = const(32)
"""Items of a valve pulse: enough to keep each below 32,767 us."""
_SHORTEST_US = const(1_000)
_LONGEST_US = const(1_000_000)


class Esp32Hal(Hal):
    """The verbs on the reference board (`pins`). Construct it once, after the moment that belongs to the
    REPL.

    The watchdog starts with it, at 10 s, and is set to 1 s by the first `feed`. It cannot be stopped.
    """

    speed = 1
    board = "reference"
    rx_window = RX_BUFFER

    def __init__(self, root: str = "/", home: str = "") -> None:
        """`root`: where the file system is mounted. `home`: folder of the slot that runs, "": there are no slots."""
        # What heats or doses first: these pins are low from here on.
        self._relay = low(pins.RELAY)
        self._edge = 0
        self._valve = OneShot(1, pins.VALVE)
        element = OneShot(0, pins.SSR)
        self._mains = Mains()
        self._element = Element(element, self._mains)
        self._buzzer = OneShot(2, pins.BUZZER)
        self._valve_durations = [1] * (_PARTS + 1)
        self._valve_levels = [True] * _PARTS + [False]
        self._sound_durations = [100_000 // _SOUND_PARTS] * (_SOUND_STEPS * _SOUND_PARTS) + [1]
        self._sound_levels = [False] * (_SOUND_STEPS * _SOUND_PARTS + 1)
        self._sampler = Sampler()
        self._button = Pin(pins.BUTTON, Pin.IN, Pin.PULL_UP)
        self._coil = Pin(pins.COIL, Pin.IN)
        self._reset_pin = Pin(pins.NFC_RESET, Pin.OUT, value=1)
        self._irq = Pin(pins.NFC_IRQ, Pin.IN, Pin.PULL_UP)
        self._reader_bus = Bus(0, pins.NFC_SDA, pins.NFC_SCL, _READER_HZ)
        self._reader = Part(self._reader_bus, _READER)
        aux = Bus(1, pins.AUX_SDA, pins.AUX_SCL, _AUX_HZ)
        self._panel = Panel(aux)
        self._clock: "Clock | Told" = Clock(aux)
        top = root if root.endswith("/") else root + "/"
        self._files = Files(top + "data")
        self._ring = Ring()
        # The slot's folder is named by its letter.
        self.slot = 1 if home.endswith("b") else 0 if home.endswith("a") else 2
        self._top = root
        self.uid = machine.unique_id()
        self.boot_id = self.random() or 1
        self.reset_cause = reset_cause()
        self.firmware_hash = firmware_hash((home + "/" if home else top) + "firmware.id")
        self.caps = m.CAP_NFC | m.CAP_VALVE | m.CAP_LOAD_SENSE | m.CAP_BULK | m.CAP_BAUD
        if self._clock.present():
            self.caps |= m.CAP_CLOCK
        self._was_ready = False
        self._was_bursting = False
        self._was_open = False
        self._link = Link()
        self._watchdog = WDT(timeout=_STARTING_MS)
        self._ticking = False

    # Clock ------------------------------------------------------------------------------------------------
    def now_ms(self) -> int:
        """As the verb."""
        return now_ms()

    def wait(self, until_ms: int) -> int:
        """As the verb. The waiting time is used: the mains are looked at, and the analog channels read."""
        while True:
            self._mains.look()
            happened = self._happened()
            left_ms = ticks.diff(until_ms, now_ms())
            if happened or left_ms <= 0:
                return happened
            if self._sampler.wanted(left_ms):
                self._sampler.group()
            else:
                sleep_ms(1)

    def _happened(self) -> int:
        """Bits of what has happened. Of the reader's line and the pulses only the change counts."""
        happened = LINK_RX if self._link.waiting() else 0
        now = self.nfc_ready()
        if now and not self._was_ready:
            happened |= NFC_READY
        self._was_ready = now
        now = self._element.busy()
        if self._was_bursting and not now:
            happened |= BURST_DONE
        self._was_bursting = now
        now = self._valve.busy()
        if self._was_open and not now:
            happened |= VALVE_DONE
        self._was_open = now
        return happened

    def unix_s(self) -> int:
        """As the verb."""
        return self._clock.unix_s()

    def set_clock(self, unix_s: int) -> bool:
        """As the verb."""
        from podsteam_firmware.hal.esp32_set_clock import Told, set_chip

        if isinstance(self._clock, Clock) and self.caps & m.CAP_CLOCK:
            return set_chip(self._clock.part, unix_s) and self._clock.unix_s() > 0
        self._clock = Told(unix_s)
        return True

    # Sensing ----------------------------------------------------------------------------------------------
    def sample(self, inputs: Inputs) -> None:
        """As the verb."""
        inputs.sampled_ms = now_ms()
        self._sampler.finish()
        uv = self._sampler.uv
        inputs.wall_uv = uv[0]
        inputs.water_uv = uv[1]
        inputs.outlet_uv = uv[2]
        inputs.reference_uv = uv[3]
        inputs.mains_uv = uv[4]
        self._count(inputs)
        closed = self._panel.closed()
        inputs.water_ok = closed & pins.WATER_OK != 0
        inputs.latch_closed = closed & pins.LATCHED != 0
        inputs.upright = closed & pins.UPRIGHT != 0
        inputs.drained = closed & pins.DRAINED != 0
        inputs.button = self._button.value() == 0
        inputs.coil_on = self._coil.value() == 1

    def _count(self, inputs: Inputs) -> None:
        inputs.zero_cross = self._mains.half_cycles()
        inputs.load_halves = self._mains.load_halves()
        inputs.burst_halves = self._element.halves()
        inputs.coil_pulses = self._mains.coil_pulses()

    # Element ----------------------------------------------------------------------------------------------
    def burst(self, pattern: int, cycles: int, cycle_us: int) -> None:
        """As the verb. Does nothing while `burst_busy`; raises ValueError for a pattern longer than 0.5 s."""
        self._element.burst(pattern, cycles, cycle_us)

    def burst_busy(self) -> bool:
        """As the verb. Stays true after `burst_abort` until the aborted pattern would have ended."""
        return self._element.busy()

    def burst_abort(self) -> None:
        """As the verb."""
        self._element.abort()

    def heartbeat(self) -> None:
        """As the verb."""
        self._edge ^= 1
        self._relay.value(self._edge)

    # Valve ------------------------------------------------------------------------------------------------
    def valve_pulse(self, width_us: int) -> None:
        """As the verb. Does nothing while `valve_busy`; raises ValueError for a width outside 1 ms to 1 s."""
        if not _SHORTEST_US <= width_us <= _LONGEST_US:
            raise ValueError("a valve pulse lasts 1 ms to 1 s")
        durations = self._valve_durations
        part_us = width_us // _PARTS
        for i in range(_PARTS - 1):
            durations[i] = part_us
        durations[_PARTS - 1] = width_us - part_us * (_PARTS - 1)
        self._valve.send(durations, self._valve_levels)

    def valve_busy(self) -> bool:
        """As the verb. Stays true after `valve_abort` until the aborted pulse would have ended."""
        return self._valve.busy()

    def valve_abort(self) -> None:
        """As the verb."""
        self._valve.abort()

    # Signs ------------------------------------------------------------------------------------------------
    def light(self, lamps: int) -> None:
        """As the verb."""
        self._panel.light(lamps & (pins.RED | pins.GREEN | pins.BLUE))

    def beep(self, sound: int) -> None:
        """As the verb. Does nothing while a sound plays."""
        if self._buzzer.busy():
            return
        levels = self._sound_levels
        for i in range(_SOUND_STEPS * _SOUND_PARTS):
            levels[i] = sound >> i // _SOUND_PARTS & 1 == 1
        self._buzzer.send(self._sound_durations, levels)

    # Podlet reader ----------------------------------------------------------------------------------------
    def nfc_write(self, buf: bytearray, length: int) -> int:
        """As the verb. 200 bytes take 5 ms."""
        return self._reader.write(memoryview(buf)[:length])

    def nfc_read(self, buf: bytearray, length: int) -> int:
        """As the verb. 200 bytes take 5 ms."""
        return self._reader.read(memoryview(buf)[:length])

    def nfc_ready(self) -> bool:
        """As the verb."""
        return self._irq.value() == 0

    def nfc_reset(self, active: bool) -> None:
        """As the verb."""
        self._reset_pin.value(0 if active else 1)
        self._reader_bus.retry()

    # Link -------------------------------------------------------------------------------------------------
    def link_read(self, buf: bytearray) -> int:
        """As the verb."""
        return self._link.read(buf)

    def link_write(self, buf: bytearray, length: int) -> int:
        """As the verb."""
        return self._link.write(buf, length)

    def link_busy_ms(self) -> int:
        """As the verb."""
        return self._link.busy_ms()

    def link_rate(self, baud: int) -> int:
        """As the verb."""
        return self._link.rate(baud)

    # Store ------------------------------------------------------------------------------------------------
    def file_read(self, name: str, limit: int = 4096) -> "bytes | None":
        """As the verb."""
        return self._files.read(name, limit)

    def file_read_at(self, name: str, offset: int, buf: "bytearray | memoryview") -> int:
        """As the verb."""
        return self._files.read_at(name, offset, buf)

    def file_write(self, name: str, data: "bytes | bytearray | memoryview") -> bool:
        """As the verb."""
        return self._files.write(name, data)

    def file_append(self, name: str, data: "bytes | bytearray | memoryview") -> bool:
        """As the verb."""
        return self._files.append(name, data)

    def file_remove(self, name: str) -> bool:
        """As the verb."""
        return self._files.remove(name)

    def file_list(self, folder: str) -> "list[tuple[str, int]]":
        """As the verb."""
        return self._files.entries(folder)

    # Ledger ring ------------------------------------------------------------------------------------------
    def ring_size(self) -> int:
        """As the verb."""
        return self._ring.size

    def ring_read(self, offset: int, buf: bytearray) -> int:
        """As the verb."""
        return self._ring.read(offset, buf)

    def ring_program(self, offset: int, buf: bytearray, length: int) -> bool:
        """As the verb."""
        if length != len(buf):
            return self._ring.program(offset, memoryview(buf)[:length])
        return self._ring.program(offset, buf)

    def ring_erase(self, sector: int) -> bool:
        """As the verb."""
        return self._ring.erase(sector)

    # System -----------------------------------------------------------------------------------------------
    def feed(self) -> None:
        """As the verb."""
        if not self._ticking:
            # On this port a second construction sets the time of the one watchdog.
            self._watchdog = WDT(timeout=_WATCHDOG_MS)
            self._ticking = True
        self._watchdog.feed()

    def random(self) -> int:
        """As the verb."""
        four = os.urandom(4)
        return (four[0] & 0x3F) << 24 | four[1] << 16 | four[2] << 8 | four[3]

    def root_files(self) -> "Root":
        """As the verb."""
        from podsteam_firmware.hal.esp32_root import RootFiles

        return RootFiles(self._top)

    def inflate(self, source: "BytesIO", window: int) -> "Inflater":
        """As the verb."""
        from deflate import RAW, DeflateIO

        return DeflateIO(source, RAW, window)

    def reset(self) -> None:
        """As the verb: `main.py` switches everything off, and the loader learns that it was asked for."""
        raise SystemExit
