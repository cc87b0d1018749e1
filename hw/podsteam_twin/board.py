# SPDX-License-Identifier: Apache-2.0
"""The simulated board: the HAL's verbs over simulated parts, in virtual time that jumps from event to event."""

from podsteam_firmware.signals import Inputs
from podsteam_protocol import messages as m
from podsteam_twin import deflate_port, trace
from podsteam_twin.files import FileStore
from podsteam_twin.world import World

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from io import BytesIO

    from podsteam_firmware.hal.verbs import Inflater

_MASK = 0x3FFFFFFF
_ENODEV = -19
_I2C_BYTE_US = 25
"""A byte on the reader's bus at 400 kHz, acknowledge and gaps included."""


class Restart(Exception):
    """The firmware asked for a reset."""


class BoardHal:
    """The verbs, as `podsteam_firmware.hal.verbs.Hal` documents them. One instance for each start of the firmware."""

    caps = m.CAP_SIMULATED | m.CAP_NFC | m.CAP_VALVE | m.CAP_LOAD_SENSE | m.CAP_BULK | m.CAP_BAUD
    board = "twin"
    slot = 2

    def __init__(self, world: World, reset_cause: int) -> None:
        self._world = world
        self.uid = world.uid
        self.boot_id = world.rng.bits(30) | 1
        self.reset_cause = reset_cause
        self.speed = world.speed
        self.firmware_hash = world.firmware_hash
        self.rx_window = world.uart.rx_ring
        if world.unix_s:
            self.caps |= m.CAP_CLOCK
        self._told_s = 0
        """Time of the start by what a host has told: there is no battery clock."""
        # The expander keeps its lamps through a reset; building the layer darkens them.
        world.lamps = 0

    # Clock ------------------------------------------------------------------------------------------------
    def now_ms(self) -> int:
        world = self._world
        return (world.clock_us() // 1000 + world.ticks_offset_ms) & _MASK

    def wait(self, until_ms: int) -> int:
        world = self._world
        ahead = (until_ms - self.now_ms()) & _MASK
        if ahead >= _MASK >> 1:
            return 0
        # To the start of that millisecond, so that `now_ms` reads `until_ms` on waking.
        return world.sleep(world.true_us((world.clock_us() // 1000 + ahead) * 1000))

    def unix_s(self) -> int:
        world = self._world
        if world.unix_s:
            return world.unix_s + world.set_s + world.jumped_s + world.t_us // 1_000_000
        return self._told_s + world.t_us // 1_000_000 if self._told_s else 0

    def set_clock(self, unix_s: int) -> bool:
        world = self._world
        if world.unix_s:
            world.set_s += unix_s - self.unix_s()
        else:
            self._told_s = unix_s - world.t_us // 1_000_000
        return True

    # Sensing ----------------------------------------------------------------------------------------------
    def sample(self, inputs: Inputs) -> None:
        world = self._world
        heater = world.heater
        heater.run_to(world.t_us)
        world.valve.run_to(world.t_us)
        sensors = world.sensors
        sensors.t_us = world.t_us
        inputs.sampled_ms = self.now_ms()
        inputs.wall_uv = sensors.wall_uv()
        inputs.water_uv = sensors.water_uv()
        inputs.outlet_uv = sensors.outlet_uv()
        inputs.reference_uv = sensors.reference_uv()
        inputs.mains_uv = sensors.mains_uv()
        inputs.zero_cross = heater.zero_cross(world.t_us) & _MASK
        inputs.load_halves = heater.load_halves & _MASK
        inputs.burst_halves = heater.burst_halves & _MASK
        inputs.water_ok = world.water_stuck or (world.water_switch and world.boiler.water_g > 1.0)
        inputs.latch_closed = world.latch_closed
        inputs.upright = world.upright
        inputs.drained = world.drained
        inputs.button = world.button()
        inputs.coil_on = world.valve.coil_on(world.t_us)
        inputs.coil_pulses = world.valve.coil_pulses & _MASK

    # Element ----------------------------------------------------------------------------------------------
    def burst(self, pattern: int, cycles: int, cycle_us: int) -> None:
        self._world.heater.burst(self._world.t_us, pattern, cycles, cycle_us)
        self._world.note(trace.BURST, pattern, cycles)

    def burst_busy(self) -> bool:
        return self._world.heater.busy(self._world.t_us)

    def burst_abort(self) -> None:
        world = self._world
        if world.heater.busy(world.t_us):
            world.heater.abort(world.t_us)
            world.note(trace.ABORT)

    def heartbeat(self) -> None:
        self._world.heater.heartbeat(self._world.t_us)
        self._world.note(trace.HEARTBEAT)

    # Valve ------------------------------------------------------------------------------------------------
    def valve_pulse(self, width_us: int) -> None:
        self._world.valve.pulse(self._world.t_us, width_us)
        self._world.note(trace.VALVE, width_us)

    def valve_busy(self) -> bool:
        return self._world.valve.busy(self._world.t_us)

    def valve_abort(self) -> None:
        world = self._world
        if world.valve.busy(world.t_us):
            world.valve.abort(world.t_us)
            world.note(trace.VALVE_ABORT)

    # Signs ------------------------------------------------------------------------------------------------
    def light(self, lamps: int) -> None:
        self._world.lamps = lamps
        self._world.note(trace.LIGHT, lamps)

    def beep(self, sound: int) -> None:
        self._world.note(trace.BEEP, sound)

    # Podlet reader ----------------------------------------------------------------------------------------
    def nfc_write(self, buf: bytearray, length: int) -> int:
        world = self._world
        data = bytes(memoryview(buf)[:length])
        taken = world.chip.write(world.t_us, data)
        world.trace.note_bytes(trace.NFC_WRITE, world.t_us, data)
        world.pass_time(_I2C_BYTE_US * (length + 1) + world.stretch_us)
        return taken

    def nfc_read(self, buf: bytearray, length: int) -> int:
        world = self._world
        data = world.chip.read(world.t_us, length)
        world.pass_time(_I2C_BYTE_US * (length + 1) + world.stretch_us)
        if isinstance(data, int):
            return data
        buf[: len(data)] = data
        return len(data)

    def nfc_ready(self) -> bool:
        return self._world.chip.ready(self._world.t_us)

    def nfc_reset(self, active: bool) -> None:
        self._world.chip.reset(self._world.t_us, active)
        self._world.note(trace.NFC_RESET, active)

    # Link -------------------------------------------------------------------------------------------------
    def link_read(self, buf: bytearray) -> int:
        return self._world.uart.device_read(self._world.t_us, buf)

    def link_write(self, buf: bytearray, length: int) -> int:
        world = self._world
        taken = world.uart.device_write(world.t_us, buf, length)
        if taken:
            world.trace.note_bytes(trace.LINK, world.t_us, memoryview(buf)[:length])
        return taken

    def link_busy_ms(self) -> int:
        return self._world.uart.busy_ms(self._world.t_us)

    def link_rate(self, baud: int) -> int:
        return self._world.uart.device_rate(self._world.t_us, baud)

    # Store ------------------------------------------------------------------------------------------------
    def file_read(self, name: str, limit: int = 4096) -> "bytes | None":
        return self._world.files.file_read(name, limit)

    def file_read_at(self, name: str, offset: int, buf: "bytearray | memoryview") -> int:
        return self._world.files.file_read_at(name, offset, buf)

    def file_write(self, name: str, data: "bytes | bytearray | memoryview") -> bool:
        return self._world.files.file_write(name, data)

    def file_append(self, name: str, data: "bytes | bytearray | memoryview") -> bool:
        return self._world.files.file_append(name, data)

    def file_remove(self, name: str) -> bool:
        return self._world.files.file_remove(name)

    def file_list(self, folder: str) -> "list[tuple[str, int]]":
        return self._world.files.file_list(folder)

    def root_files(self) -> FileStore:
        return self._world.files

    def inflate(self, source: "BytesIO", window: int) -> "Inflater":
        return deflate_port.inflate(source, window)

    # Ledger ring ------------------------------------------------------------------------------------------
    def ring_size(self) -> int:
        ring = self._world.ring
        return ring.blocks * ring.block_size

    def ring_read(self, offset: int, buf: bytearray) -> int:
        ring = self._world.ring
        if not 0 <= offset <= self.ring_size() - len(buf):
            return _ENODEV
        ring.readblocks(offset // ring.block_size, buf, offset % ring.block_size)
        return len(buf)

    def ring_program(self, offset: int, buf: bytearray, length: int) -> bool:
        world = self._world
        ring = world.ring
        if not 0 <= offset <= self.ring_size() - length:
            return False
        data = memoryview(buf)[:length]
        world.trace.note_bytes(trace.RING, world.t_us, data)
        return ring.writeblocks(offset // ring.block_size, data, offset % ring.block_size) == 0

    def ring_erase(self, sector: int) -> bool:
        ring = self._world.ring
        return 0 <= sector < ring.blocks and ring.erase(sector) == 0

    # System -----------------------------------------------------------------------------------------------
    def feed(self) -> None:
        self._world.feed()

    def random(self) -> int:
        return self._world.rng.bits(30)

    def reset(self) -> None:
        raise Restart
