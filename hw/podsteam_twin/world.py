# SPDX-License-Identifier: Apache-2.0
"""The world of one simulated unit: all its parts, the hand at its button, and virtual time.

Time moves in three ways only: the firmware sleeps (`sleep` jumps to the next event), a bus transfer or a flash
erase takes its time (`pass_time`), or the unit restarts.
"""

import binascii

from podsteam_firmware.hal import BURST_DONE, LINK_RX, NFC_READY
from podsteam_twin import noise, podlets, trace
from podsteam_twin.boiler.kinds import build
from podsteam_twin.electrics import Heater
from podsteam_twin.files import FileStore
from podsteam_twin.flash import ERASE, Flash
from podsteam_twin.nfc.ntag import Ntag, from_image
from podsteam_twin.nfc.pn532 import Pn532
from podsteam_twin.rng import Rng
from podsteam_twin.sensors import Sensors
from podsteam_twin.uart import Uart
from podsteam_twin.valve import Valve

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WATCHDOG_US = 1_000_000
"""The watchdog's patience, as the ESP32's HAL sets it."""
ERASE_US = 45_000
"""A sector erase, typical: the interpreter stands still for so long."""
PROG_US = 60
"""A program operation of a few dozen bytes."""
_FLASH_BLOCKS = 64
_RING_SECTORS = 16
"""64 KiB, as in the wanted partition table."""
_FLOW_NL_MS = 400.0
"""The demo podlets' liquid in this valve."""


class Bitten(BaseException):
    """The watchdog bit in the middle of a step that did not come back."""


class World:
    """Options, all optional: `seed`, `uid` (12 hex), `speed`, `unix_s` (time at the start, 0: no battery clock),
    `set_s` (by how much that was set away from it), `firmware_hash` (16 hex), `podlet` (name of a demo one or None),
    `tag`, `flash` and `ring` (images in base64), `tag_counts` (what that tag keeps outside its pages: wrong passwords,
    taps), `plant` (constants of the boiler that differ, and its `kind`, lumped or layered), `rx_ring` (259: the stock
    REPL port), `baud`, `ticks_offset_ms` (to start near a wrap), `erase_us`, `ring_sectors` (0: a flash without the
    ledger's partition), `keep_trace`, `line` (what is wrong with it: `noise.LINE`).
    """

    def __init__(self, options: "dict[str, Any]") -> None:
        seed = int(options.get("seed", 0))
        self.rng = Rng(seed)
        self.uid = binascii.unhexlify(options["uid"]) if options.get("uid") else _address(seed)
        self.speed = int(options.get("speed", 1))
        self.unix_s = int(options.get("unix_s", 0))
        self.set_s = int(options.get("set_s", 0))
        """By how much the battery clock was set away from that."""
        self.firmware_hash = binascii.unhexlify(options.get("firmware_hash", "00" * 8))
        self.ticks_offset_ms = int(options.get("ticks_offset_ms", 0))
        self.t_us = 0
        """Virtual time since the start, us."""
        self.limit_us = 0
        """The runner wants to look up at this time; a sleep is cut there."""
        self.stop_at_tx = False
        """The runner wants to look up as soon as bytes have left the device."""
        self.cut = False
        """The firmware's sleep was cut and is not over."""
        self._wake_us = 0
        self.trace = trace.Trace(int(options.get("keep_trace", 0)))
        constants, self.boiler = build(options.get("plant", {}))
        self._tilted_wet = constants.tilted_wet
        self.mains_v = constants.mains_v
        self.mains_mhz = int(constants.mains_mhz)
        self.heater = Heater(self.boiler, constants)
        self.sensors = Sensors(self.boiler, self.heater.mains, constants, seed)
        self.valve = Valve(self.heater.relay, flow_nl_ms=_FLOW_NL_MS)
        self.heater.valve = self.valve
        self.uart = Uart(int(options.get("baud", 115200)), int(options.get("rx_ring", 4096)))
        if options.get("line"):
            noise.set_line(self.uart, options["line"], seed)
        self.chip = Pn532()
        self.flash = Flash(int(options.get("flash_blocks", _FLASH_BLOCKS)))
        if options.get("flash"):
            self.flash.load(binascii.a2b_base64(options["flash"]))
        self.files = FileStore(self.flash)
        self.flash.on_op = self._flash_op
        self.ring = Flash(int(options.get("ring_sectors", _RING_SECTORS)))
        """The ledger's raw partition."""
        if options.get("ring"):
            self.ring.load(binascii.a2b_base64(options["ring"]))
        self.ring.on_op = self._ring_op
        self._erase_us = int(options.get("erase_us", ERASE_US))
        self.hot_erases = 0
        """Erases while the relay was closed. There must be none."""
        self.water_switch = True
        """Follows the water; False: the switch says empty whatever there is."""
        self.water_stuck = False
        """Fault: the switch says that there is water whatever there is."""
        self.latch_closed = True
        self.drained = True
        """The condensate trap's switch: it is not full."""
        self._upright = True
        self.lamps = 0
        """Lamps of the status light that are lit: red 1, green 2, blue 4."""
        self.stretch_us = 0
        """Fault: the reader holds the bus's clock for so long in every transfer."""
        self.clock_permille = 0
        """Fault: the chip's clock is fast by so much; set by `set_clock`."""
        self.jumped_s = 0
        """Fault: the wall clock is ahead by so much."""
        self._clock_from_us = 0
        self._clock_at_us = 0
        self.fed_us = 0
        """When the watchdog was fed last."""
        self._press_from_us = 0
        self._press_until_us = 0
        if options.get("tag"):
            tag = from_image(binascii.a2b_base64(options["tag"]))
            tag.failures, tag.counter = options.get("tag_counts") or (0, 0)
            self.place(tag)
        elif options.get("podlet"):
            self.place(podlets.demo(options["podlet"]))

    # Time ---------------------------------------------------------------------------------------------------
    def clock_us(self) -> int:
        """What the chip's own clock has counted, us; virtual time unless that clock is wrong."""
        if not self.clock_permille:
            return self.t_us - self._clock_at_us + self._clock_from_us
        return self._clock_from_us + (self.t_us - self._clock_at_us) * (1000 + self.clock_permille) // 1000

    def true_us(self, clock_us: int) -> int:
        """When the chip's clock will show `clock_us`."""
        ahead_us = clock_us - self._clock_from_us
        if self.clock_permille:
            ahead_us = (ahead_us * 1000 + 999 + self.clock_permille) // (1000 + self.clock_permille)
        return self._clock_at_us + ahead_us

    def set_clock(self, permille: int) -> None:
        """Fault: the chip's clock is fast by so much from now on, slow where it is negative."""
        self._clock_from_us = self.clock_us()
        self._clock_at_us = self.t_us
        self.clock_permille = permille

    def pass_time(self, span_us: int) -> None:
        """Something took this long."""
        self.t_us += span_us

    def stall(self, span_us: int) -> None:
        """The interpreter stands still for so long. Raises Bitten when the watchdog ends that."""
        bite_us = self.fed_us + WATCHDOG_US
        if self.t_us + span_us > bite_us:
            self.t_us = max(self.t_us, bite_us)
            raise Bitten
        self.t_us += span_us

    def sleep(self, until_us: int) -> int:
        """Jump to the next event, at the latest to `until_us`. Returns the HAL's event bits.

        When the runner wants to look up before that (`limit_us`, `stop_at_tx`) time stops there with `cut` set: the
        firmware sleeps on, and `resume` goes on with its sleep, so that slicing time differently changes nothing.
        """
        self._wake_us = until_us
        now = self.t_us
        if self.uart.device_available(now):
            self.cut = False
            return LINK_RX
        at = max(until_us, now)
        rx_us = self.uart.next_rx_us()
        if rx_us is not None and rx_us < at:
            at = max(rx_us, now)
        nfc_us = self.chip.next_event_us()
        if nfc_us is not None and now < nfc_us < at:
            at = nfc_us
        burst_us = self.heater.done_us
        if now < burst_us < at:
            at = burst_us
        look_us = self.limit_us
        if self.stop_at_tx:
            tx_us = self.uart.next_tx_us()
            if tx_us is not None and tx_us < look_us:
                look_us = max(tx_us, now)
        self.cut = look_us < at
        if self.cut:
            self.t_us = max(look_us, now)
            return 0
        self.t_us = at
        bits = LINK_RX if rx_us is not None and rx_us <= at else 0
        if nfc_us is not None and nfc_us <= at:
            bits |= NFC_READY
        if now < burst_us <= at:
            bits |= BURST_DONE
        return bits

    def resume(self) -> None:
        """Go on with a sleep that was cut."""
        self.sleep(self._wake_us)

    def feed(self) -> None:
        """Feed the watchdog."""
        self.fed_us = self.t_us

    def note(self, kind: int, a: int = 0, b: int = 0) -> None:
        """Add to the event trace what happens now."""
        self.trace.note(kind, self.t_us, a, b)

    def _flash_op(self, kind: int, block: int, offset: int, length: int) -> None:
        self.note(trace.FLASH, kind, block)
        self._charge(kind)

    def _ring_op(self, kind: int, block: int, offset: int, length: int) -> None:
        self.note(trace.RING, kind, block * self.ring.block_size + offset)
        self._charge(kind)

    def _charge(self, kind: int) -> None:
        """What an operation on the flash chip costs."""
        if kind == ERASE:
            if self.heater.relay_closed(self.t_us):
                self.hot_erases += 1
            self.pass_time(self._erase_us)
        else:
            self.pass_time(PROG_US)

    # Hands --------------------------------------------------------------------------------------------------
    def press(self, from_us: int, span_us: int) -> None:
        """Hold the button from `from_us` for `span_us`."""
        self._press_from_us = from_us
        self._press_until_us = from_us + span_us

    @property
    def upright(self) -> bool:
        """Whether the device stands. Tilted, the water leaves part of the boiler's wall, as its switch tells."""
        return self._upright

    @upright.setter
    def upright(self, upright: bool) -> None:
        self.heater.run_to(self.t_us)
        self._upright = upright
        self.boiler.wettable = 1.0 if upright else self._tilted_wet

    def refill(self, grams: float, water_c: float) -> float:
        """Pour in water at `water_c` (degC), as far as there is room; negative: let some out. Returns the g."""
        self.heater.run_to(self.t_us)
        return self.boiler.add_water(grams, water_c)

    def button(self) -> bool:
        """Whether the button is down now."""
        return self._press_from_us <= self.t_us < self._press_until_us

    def place(self, tag: "Ntag | None") -> None:
        """Put this podlet into the holder in place of the one there; None: empty it."""
        self.chip.place(self.t_us, tag)

    def reset_pins(self) -> None:
        """What a reset does to the pins: they float, and the pull-downs switch everything off."""
        self.cut = False
        self.heater.abort(self.t_us)
        self.valve.abort(self.t_us)
        self.uart.reset(self.t_us)
        self.chip.reset(self.t_us, True)
        self.chip.reset(self.t_us, False)

    # What the tests and the control port may know ------------------------------------------------------------
    def truth(self) -> "dict[str, Any]":
        """The true state, rounded so that both interpreters print the same."""
        self.heater.run_to(self.t_us)
        self.valve.run_to(self.t_us)
        boiler = self.boiler
        return {
            "wall_mc": int(boiler.wall_c * 1000),
            "water_mc": int(boiler.water_c * 1000),
            "outlet_mc": int(boiler.outlet_c * 1000),
            "water_mg": int(boiler.water_g * 1000),
            "steam_mg": int(boiler.steam_g * 1000),
            "steam_mg_min": int(boiler.steam_g_min * 1000),
            "energy_mj": int(boiler.energy_in_j * 1000),
            "relay_closed": self.heater.relay_closed(self.t_us),
            "burst": self.heater.busy(self.t_us),
            "load_halves": self.heater.true_halves,
            "current_us": self.heater.current_us,
            "relay_drop_us": self.heater.relay.drop_us,
            "stray_us": self.heater.stray_us if self.heater.strays > 1 else 0,
            "wall_probe_mc": int(boiler.wall_probe_c * 1000),
            "peak_wall_mc": int(self.heater.peak_c * 1000),
            "cutout_open": self.heater.cutout_open,
            "delivered_nl": int(self.valve.delivered_nl),
            "flow_us": self.valve.flow_us,
            "coil_on": self.valve.coil_on(self.t_us),
            "hot_erases": self.hot_erases,
            "erases": sum(self.flash.erases),
            "ring_erases": sum(self.ring.erases),
            "rx_lost": self.uart.lost,
            "podlet": binascii.hexlify(self.chip.tag.uid).decode() if self.chip.tag else "",
        }

    def images(self) -> "dict[str, Any]":
        """Address, clock, flash, ring and tag, for keeping: what `__init__` takes."""
        tag = self.chip.tag
        return {
            "uid": binascii.hexlify(self.uid).decode(),
            "set_s": self.set_s,
            "flash": binascii.b2a_base64(self.flash.image()).decode().strip(),
            "ring": binascii.b2a_base64(self.ring.image()).decode().strip(),
            "tag": binascii.b2a_base64(tag.image()).decode().strip() if tag else "",
            "tag_counts": [tag.failures, tag.counter] if tag else [0, 0],
        }


def _address(seed: int) -> bytes:
    """A locally administered address that belongs to the seed."""
    word = Rng(seed + 1).bits(32)
    return b"\x02\x50" + word.to_bytes(4, "big")
