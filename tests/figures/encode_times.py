# SPDX-License-Identifier: Apache-2.0
"""Time and garbage of a telemetry frame and of json.dumps with the same values. Run on MicroPython.

Prints: us a frame, us a JSON text, bytes left by a frame, bytes left by a JSON text.
"""

import gc
import json
import time

from podsteam_firmware.link import telemetry
from podsteam_protocol import frame

ROUNDS = 2000


class Values:
    pass


core = Values()
core.session = Values()
core.session.session_ms, core.session.state = 123456, 3
core.heat = Values()
core.heat.regime, core.heat.target_mc, core.heat.duty_permille, core.heat.steam_mg_min = 4, 95000, 512, 3990
core.heat.to_steam_s, core.heat.steam_left_s, core.heat.water_mg, core.heat.scale_permille = 0, 320, 45678, 120
core.sense = Values()
core.sense.wall_mc, core.sense.water_mc, core.sense.outlet_mc = 104567, 99876, 45123
core.sense.mains_dv, core.sense.power_dw, core.sense.energy_dj = 2305, 3456, 456780
core.doser = Values()
core.doser.dosed_nl, core.doser.doses = 150000, 3
core.telemetry = Values()
core.telemetry.dropped = 2
core.now_ms, core.flags = 7654321, 0x1FF
buf = bytearray(frame.BUFFER_SIZE)
body = memoryview(buf)[2 : frame.HEADER + telemetry.SIZE]
NAMES = [
    "uptime_ms session_s state regime flags wall_cdeg water_cdeg outlet_cdeg target_cdeg mains_dv duty_permille",
    "power_dw steam_mg_min energy_j dosed_nl doses dropped known to_steam_s steam_left_s water_cg scale_permille",
]
NAMES = " ".join(NAMES).split(" ")
WHOLE = dict(zip(NAMES, (7654321, 123, 3, 4, 511, 10456, 9987, 4512, 9500, 2305, 512, 3456, 3990, 45678, 150000, 3, 2)))
WHOLE.update({"known": 15, "to_steam_s": 0, "steam_left_s": 320, "water_cg": 4567, "scale_permille": 120})


def one_frame() -> None:
    telemetry.pack(core, buf, frame.HEADER)
    buf[2] = 0x71
    buf[3] = 9
    frame.seal(buf, telemetry.SIZE, body)


def one_json() -> None:
    json.dumps(WHOLE)


def spent(make: "object") -> "tuple[float, float]":
    """us and bytes of a call, the best of seven and the mean."""
    best = 1e9
    for _ in range(7):
        gc.collect()
        begin = time.ticks_us()
        for _ in range(ROUNDS // 20):
            make()
        best = min(best, time.ticks_diff(time.ticks_us(), begin) / (ROUNDS // 20))
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    for _ in range(200):
        make()
    left = (gc.mem_alloc() - before) / 200
    gc.enable()
    return best, left


frame_us, frame_b = spent(one_frame)
json_us, json_b = spent(one_json)
print(frame_us, json_us, frame_b, json_b)
