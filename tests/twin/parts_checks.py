# SPDX-License-Identifier: Apache-2.0
"""A short life of all physical parts, told to the last bit: what it prints must not depend on the interpreter."""

import binascii
import struct

from podsteam_twin import electrics, rng, sensors
from podsteam_twin.boiler import constants, plant
from podsteam_twin.boiler.constants import Constants
from podsteam_twin.boiler.plant import Boiler
from podsteam_twin.electrics import Heater
from podsteam_twin.rng import Rng
from podsteam_twin.sensors import Sensors
from podsteam_twin.uart import Uart
from podsteam_twin.valve import Valve

MISMATCHED = {
    "altitude_m": 1350.0,
    "scale_mm": 0.17,
    "water_g": 21.3,
    "mains_v": 223.7,
    "mains_mhz": 60000,
    "element_error": -0.031,
    "ambient_c": 27.9,
    "wall_offset_mc": 730,
    "wall_lag_s": 2.9,
    "adc_bow_uv": 9100.0,
}


def exact(value: float) -> str:
    """All bits of a number."""
    return binascii.hexlify(struct.pack("<d", value)).decode()


def literals() -> list[str]:
    """Every constant as the interpreter's parser read it."""
    lines = []
    for module in (Constants, constants, electrics, plant, rng, sensors):
        for name in sorted(dir(module)):
            if name.startswith("__"):
                continue
            value = getattr(module, name)
            for i, item in enumerate(value if isinstance(value, tuple) else (value,)):
                if type(item) in (int, float):
                    lines.append("%s %d %s" % (name, i, exact(item)))
    for name in sorted(MISMATCHED):
        lines.append("%s %s" % (name, exact(MISMATCHED[name])))
    return lines


def random_numbers() -> list[str]:
    source = Rng(42)
    return ["rng %d %s %s" % (source.bits(n), exact(source.uniform()), exact(source.noise())) for n in range(1, 33)]


def boiler_state(boiler: Boiler) -> str:
    names = (
        "element_c wall_c surface_c water_c outlet_c water_g steam_g steam_g_min energy_in_j energy_fill_j "
        "energy_lost_j energy_steam_j wall_probe_c water_probe_c outlet_probe_c"
    )
    values = [getattr(boiler, name) for name in names.split()]
    values.append(boiler.stored_j())
    return " ".join(exact(value) for value in values)


def session(overrides: dict) -> list[str]:
    """A session from cold to dry with every kind of fault, read every second."""
    c = Constants(**overrides)
    boiler = Boiler(c)
    heater = Heater(boiler, c)
    valve = Valve(heater.relay)
    heater.valve = valve
    inputs = Sensors(boiler, heater.mains, c, 7)
    cycle_us = 1000000000 // heater.mains.mhz
    chance = Rng(3)
    events = {
        150: lambda t: heater.set_mains(t, 201.3, heater.mains.mhz),
        170: lambda t: heater.set_mains(t, 0.0, heater.mains.mhz),
        171: lambda t: heater.set_mains(t, 231.9, heater.mains.mhz),
        180: lambda t: setattr(inputs.wall, "fault", "frozen"),
        183: lambda t: setattr(inputs.wall, "fault", ""),
        190: lambda t: setattr(boiler, "water_contact", 0.25),
        200: lambda t: boiler.add_water(11.1, 18.3),
        220: lambda t: setattr(heater, "ssr_welded", True),
        240: lambda t: heater.abort(t),
    }
    lines = []
    t_us = 0
    for tick in range(20 * 420):
        t_us = tick * 50000
        if tick % 20 == 0:
            second = tick // 20
            if second in events:
                events[second](t_us)
            if second % 11 == 5 and not valve.busy(t_us):
                valve.pulse(t_us, 1000 + chance.bits(19))
        if tick < 20 * 400:
            heater.heartbeat(t_us)
        if not heater.busy(t_us):
            heater.burst(t_us + chance.bits(13), chance.bits(10), 10, cycle_us)
        if tick % 20 == 19:
            at_us = t_us + 50000
            heater.run_to(at_us)
            valve.run_to(at_us)
            read = (inputs.wall_uv(), inputs.water_uv(), inputs.outlet_uv(), inputs.reference_uv(), inputs.mains_uv())
            counts = (heater.zero_cross(at_us), heater.load_halves, heater.burst_halves, heater.done_us)
            lines.append("%s %r %r %s" % (boiler_state(boiler), read, counts, exact(valve.delivered_nl)))
    return lines


def line() -> list[str]:
    """Both directions of the serial line, with an overflow."""
    chance = Rng(5)
    uart = Uart(115200, 259, 512)
    buf = bytearray(200)
    lines = []
    t_us = 0
    for _ in range(200):
        t_us += chance.bits(14)
        data = bytes([chance.bits(8) for _ in range(chance.bits(8))])
        uart.host_send(t_us, data)
        wrote = uart.device_write(t_us, data, len(data))
        got = uart.device_read(t_us, buf)
        out = uart.host_receive(t_us)
        crc = binascii.crc32(bytes(buf[:got]) + out)
        lines.append("%d %d %d %d %r" % (wrote, got, crc, uart.lost, uart.next_rx_us()))
    return lines


def report() -> list[str]:
    """Everything, a line each."""
    return literals() + random_numbers() + session({}) + session(MISMATCHED) + line()


if __name__ == "__main__":
    for text in report():
        print(text)
