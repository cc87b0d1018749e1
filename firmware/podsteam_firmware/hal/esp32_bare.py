# SPDX-License-Identifier: Apache-2.0
"""A bare ESP32 devkit with nothing attached: the verbs over a small built-in boiler. It drives no pin.

`podsteam flash --board bare` puts this in the place of `esp32.py`. On other boards: Never loaded on the device.

Link, files, ledger ring, watchdog and the devkit's BOOT button are real; boiler, mains, valve, light and sound are
computed, and HELLO says SIMULATED. The boiler is element, wall, water and outlet with first-order sensors, in a step
for each sample. Its numbers are hypotheses, and the simulated board (`podsteam sim`) has a far better one. There is no
podlet reader, so nothing is dosed.
"""

import math
import os

import machine
from machine import WDT, Pin

from podsteam_firmware import ticks
from podsteam_firmware.hal import BURST_DONE, LINK_RX, VALVE_DONE
from podsteam_firmware.hal.esp32_clock import now_ms, sleep_ms
from podsteam_firmware.hal.esp32_files import Files
from podsteam_firmware.hal.esp32_identity import firmware_hash, reset_cause
from podsteam_firmware.hal.esp32_link import RX_BUFFER, Link
from podsteam_firmware.hal.esp32_ring import Ring
from podsteam_firmware.signals import Inputs
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BytesIO

    from podsteam_firmware.hal.verbs import Hal, Inflater, Root
else:
    # The contract is for the type checker: the device never loads it.
    Hal = object

_BUTTON = const(0)
"""The devkit's BOOT button, to ground; read only."""
_WATCHDOG_MS = const(1000)
_STARTING_MS = const(10_000)
_MASK = const(0x3FFFFFFF)
_EIO = const(-5)
_CYCLE_MS = const(20)
"""A mains cycle at 50 Hz."""
_RELAY_HOLDS_MS = const(180)
_RELAY_EDGES = const(3)
_REFERENCE_UV = const(1_250_000)
_MAINS_UV = const(1_150_000)
"""230 V."""
_RATED_W = 400.0
_ROOM_C = 21.0
_BOILS_C = 100.0
_ELEMENT_J_K, _ELEMENT_W_K = 25.0, 20.0
_WALL_J_K, _WALL_LOSS_W_K = 90.0, 0.1
_WATER_LOSS_W_K = 0.2
_CONVECTION_W_K = 4.0
_BOILING_W_K3 = 0.55
"""Nucleate boiling: heat into the water grows with the third power of the wall's superheat."""
_WATER_G = 60.0
_DRY_BELOW_G = 6.0
_REFILL_C = 60.0
"""Below it, and at rest, the boiler is full again."""
_J_G_K, _J_G = 4.19, 2257.0
_STEP_MOST_S = 0.2
"""The equations stand no longer one; what a pause is longer is lost."""
_WALL_LAG, _WATER_LAG, _OUTLET_LAG = 3.0, 5.0, 2.0
"""Lags of the sensors, s."""


class Boiler:
    """Mains, relay, element and boiler. `run` lets mains cycles pass, `sample` the rest with them."""

    def __init__(self, at_ms: int) -> None:
        self._at_ms = at_ms
        """Start of the mains cycle that comes next."""
        self.halves = 0
        self.load_halves = 0
        self.burst_halves = 0
        self._pattern = 0
        self._left = 0
        self._sampled_ms = at_ms
        self._live = 0
        """Cycles with current since then."""
        self._edges = 0
        self._edge_ms = at_ms
        self.water_g = _WATER_G
        self._element_c = self._wall_c = self._water_c = self._outlet_c = _ROOM_C
        self.wall_c = self.water_c = self.outlet_c = _ROOM_C
        """As the sensors show them."""

    def edge(self, at_ms: int) -> None:
        """One edge on the relay's charge pump."""
        if ticks.diff(at_ms, self._edge_ms) > _RELAY_HOLDS_MS:
            self._edges = 0
        self._edges += 1
        self._edge_ms = at_ms

    def burst(self, pattern: int, cycles: int) -> None:
        """Switch by this pattern from the next cycle on."""
        self._pattern = pattern
        self._left = cycles

    def busy(self) -> bool:
        """Whether a pattern is under way."""
        return self._left > 0

    def abort(self) -> None:
        """End it."""
        self._left = 0

    def run(self, until_ms: int) -> None:
        """Let mains cycles pass."""
        while ticks.diff(until_ms, self._at_ms) >= _CYCLE_MS:
            self._at_ms = ticks.add(self._at_ms, _CYCLE_MS)
            self.halves += 2
            on = False
            if self._left:
                on = self._pattern & 1 == 1
                self._pattern >>= 1
                self._left -= 1
            if on:
                self.burst_halves += 2
                if self._edges >= _RELAY_EDGES and ticks.diff(self._at_ms, self._edge_ms) <= _RELAY_HOLDS_MS:
                    self.load_halves += 2
                    self._live += 1

    def sample(self, at_ms: int) -> None:
        """Bring boiler and sensors to this moment."""
        self.run(at_ms)
        if ticks.diff(at_ms, self._edge_ms) > _RELAY_HOLDS_MS:
            self._edges = 0
        s = ticks.diff(at_ms, self._sampled_ms) / 1000
        if s > 0:
            self._step(min(s, _STEP_MOST_S), _RATED_W * self._live * _CYCLE_MS / 1000)
            self._sampled_ms = at_ms
            self._live = 0
        if self.water_g < _WATER_G and self._edges == 0 and self.water_c < _REFILL_C:
            # Somebody fills it up with water of the room.
            share = self.water_g / _WATER_G
            self._water_c = _ROOM_C + (self._water_c - _ROOM_C) * share
            self.water_g = _WATER_G

    def _step(self, s: float, heat_j: float) -> None:
        through_w = _ELEMENT_W_K * (self._element_c - self._wall_c)
        into_w = self._into_water_w()
        self._element_c += (heat_j - through_w * s) / _ELEMENT_J_K
        self._wall_c += (through_w - into_w - _WALL_LOSS_W_K * (self._wall_c - _ROOM_C)) * s / _WALL_J_K
        capacity_j_k = max(self.water_g, 0.3) * _J_G_K
        self._water_c += (into_w - _WATER_LOSS_W_K * (self._water_c - _ROOM_C)) * s / capacity_j_k
        steam_g_s = 0.0
        if self._water_c > _BOILS_C and self.water_g > 0:
            made_g = min(self.water_g, (self._water_c - _BOILS_C) * capacity_j_k / _J_G)
            self._water_c = _BOILS_C
            self.water_g -= made_g
            steam_g_s = made_g / s
        hot_c = _ROOM_C + (_BOILS_C - 2 - _ROOM_C) * steam_g_s / (steam_g_s + 0.01)
        self._outlet_c += (hot_c - self._outlet_c) * s / _OUTLET_LAG
        self.wall_c += (self._wall_c - self.wall_c) * s / _WALL_LAG
        self.water_c += (self._water_c - self.water_c) * s / _WATER_LAG
        self.outlet_c += (self._outlet_c - self.outlet_c) * s / _OUTLET_LAG

    def _into_water_w(self) -> float:
        over_c = max(0.0, self._wall_c - _BOILS_C)
        wet = min(1.0, self.water_g / _DRY_BELOW_G)
        return wet * (_CONVECTION_W_K * (self._wall_c - self._water_c) + _BOILING_W_K3 * over_c * over_c * over_c)


class Noise:
    """A little of it on every reading, as a real converter has. 30 bits."""

    def __init__(self, seed: int) -> None:
        self._state = seed | 1

    def bits(self) -> int:
        """0 to 255, less 128."""
        state = self._state
        state ^= state << 7 & _MASK
        state ^= state >> 9
        state ^= state << 8 & _MASK
        self._state = state
        return (state >> 11 & 0xFF) - 128


def divider_uv(celsius: float) -> int:
    """Voltage of a sensor's divider: NTC of 100 kOhm and 3950 K, 22 kOhm to 2.5 V."""
    ohm = 100e3 * math.exp(3950.0 * (1.0 / (celsius + 273.15) - 1.0 / 298.15))
    return int(2 * _REFERENCE_UV * ohm / (ohm + 22e3))


class Esp32Hal(Hal):
    """The verbs, as `hal.esp32.Esp32Hal` has them for the reference board: `main.py` knows only that name."""

    speed = 1
    board = "bare"
    rx_window = RX_BUFFER
    caps = m.CAP_SIMULATED | m.CAP_VALVE | m.CAP_LOAD_SENSE | m.CAP_BULK | m.CAP_BAUD

    def __init__(self, root: str = "/", home: str = "") -> None:
        """`root`: where the file system is mounted. `home`: folder of the slot that runs, "": there are no slots."""
        self._boiler = Boiler(now_ms())
        self._button = Pin(_BUTTON, Pin.IN, Pin.PULL_UP)
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
        self._noise = Noise(self.random())
        self._valve_until_ms = 0
        self._valve_open = False
        self._coil_pulses = 0
        self._was_bursting = False
        self._link = Link()
        self._watchdog = WDT(timeout=_STARTING_MS)
        self._ticking = False

    # Clock ------------------------------------------------------------------------------------------------
    def now_ms(self) -> int:
        """As the verb."""
        return now_ms()

    def wait(self, until_ms: int) -> int:
        """As the verb."""
        while True:
            happened = self._happened()
            if happened or ticks.due(now_ms(), until_ms):
                return happened
            sleep_ms(1)

    def _happened(self) -> int:
        happened = LINK_RX if self._link.waiting() else 0
        now = self.burst_busy()
        if self._was_bursting and not now:
            happened |= BURST_DONE
        self._was_bursting = now
        if self._valve_open and not self.valve_busy():
            happened |= VALVE_DONE
        return happened

    def unix_s(self) -> int:
        """As the verb: there is no clock."""
        return 0

    # Sensing ----------------------------------------------------------------------------------------------
    def sample(self, inputs: Inputs) -> None:
        """As the verb. Computes with floats, so it takes memory: nothing here heats."""
        inputs.sampled_ms = now_ms()
        boiler = self._boiler
        boiler.sample(inputs.sampled_ms)
        inputs.wall_uv = divider_uv(boiler.wall_c) + self._noise.bits() * 4
        inputs.water_uv = divider_uv(boiler.water_c) + self._noise.bits() * 4
        inputs.outlet_uv = divider_uv(boiler.outlet_c) + self._noise.bits() * 4
        inputs.reference_uv = _REFERENCE_UV + self._noise.bits()
        inputs.mains_uv = _MAINS_UV + self._noise.bits() * 4
        inputs.zero_cross = boiler.halves & _MASK
        inputs.load_halves = boiler.load_halves & _MASK
        inputs.burst_halves = boiler.burst_halves & _MASK
        inputs.water_ok = boiler.water_g > 1
        inputs.latch_closed = False
        inputs.upright = True
        inputs.drained = True
        inputs.button = self._button.value() == 0
        inputs.coil_on = self.valve_busy()
        inputs.coil_pulses = self._coil_pulses

    # Element ----------------------------------------------------------------------------------------------
    def burst(self, pattern: int, cycles: int, cycle_us: int) -> None:
        """As the verb."""
        self._boiler.run(now_ms())
        if not self._boiler.busy():
            self._boiler.burst(pattern, cycles)

    def burst_busy(self) -> bool:
        """As the verb."""
        self._boiler.run(now_ms())
        return self._boiler.busy()

    def burst_abort(self) -> None:
        """As the verb."""
        self._boiler.abort()

    def heartbeat(self) -> None:
        """As the verb."""
        self._boiler.edge(now_ms())

    # Valve ------------------------------------------------------------------------------------------------
    def valve_pulse(self, width_us: int) -> None:
        """As the verb."""
        if not self.valve_busy():
            self._valve_open = True
            self._valve_until_ms = ticks.add(now_ms(), (width_us + 999) // 1000)
            self._coil_pulses = (self._coil_pulses + 1) & _MASK

    def valve_busy(self) -> bool:
        """As the verb."""
        if self._valve_open and ticks.due(now_ms(), self._valve_until_ms):
            self._valve_open = False
        return self._valve_open

    def valve_abort(self) -> None:
        """As the verb."""
        self._valve_open = False

    # Signs ------------------------------------------------------------------------------------------------
    def light(self, lamps: int) -> None:
        """As the verb: there is none."""

    def beep(self, sound: int) -> None:
        """As the verb: there is none."""

    # Podlet reader: there is none -------------------------------------------------------------------------
    def nfc_write(self, buf: bytearray, length: int) -> int:
        """As the verb."""
        return _EIO

    def nfc_read(self, buf: bytearray, length: int) -> int:
        """As the verb."""
        return _EIO

    def nfc_ready(self) -> bool:
        """As the verb."""
        return False

    def nfc_reset(self, active: bool) -> None:
        """As the verb."""

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
        """As the verb: `main.py` ends everything, and the loader learns that it was asked for."""
        raise SystemExit
