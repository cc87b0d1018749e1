# SPDX-License-Identifier: Apache-2.0
"""Scenarios as data, and the driver that plays one on a twin.

A scenario is (name, options, script, seconds): `options` go to the twin, `script` is a list of (time in s, act). An
act is a control command (a dict) or a wire message to send (a tuple: class, fields). Every act falls on a fixed
virtual time, so the same scenario must give the same event trace on every interpreter.
"""

from collections.abc import Iterator
from typing import Any

from podsteam.wire import messages as w
from podsteam_protocol import frame
from podsteam_twin.launch import Twin

TOKEN = 0x1234ABCD
HELLO = (w.HelloRequest, {"token": TOKEN, "major": w.MAJOR, "minor": w.MINOR})
ARM = (w.ArmRequest, {"token": TOKEN, "program": b"gentle"})
STOP = (w.StopRequest, {})
PAUSE = (w.PauseRequest, {"token": TOKEN})
RESUME = (w.ResumeRequest, {"token": TOKEN})
SUBSCRIBE = (w.TeleSubRequest, {"period_ms": 500})
TUNE = (w.TuneRequest, {"token": TOKEN, "kind": w.TuneKindValue.HEAT_UP})
TUNED = (w.TuneGetRequest, {"which": 1})
CALIBRATION = w.Calibration(
    element_dw=3800,
    gain_permille=1070,
    wall_low_mk=-400,
    water_low_mk=600,
    outlet_low_mk=250,
    low_cdeg=2010,
    water_high_mk=-300,
    high_cdeg=9960,
    hold_gain_dw_k=220,
    hold_integral_ds=600,
    hold_derivative_ds=70,
)
CALIBRATE = (w.CalSetRequest, {"calibration": CALIBRATION.pack()})
PRESS = {"do": "press"}


def leases(first_s: float, last_s: float) -> list[tuple[float, Any]]:
    """Renew the lease every 0.5 s."""
    count = int((last_s - first_s) * 2)
    return [(first_s + i / 2, (w.LeaseRequest, {"token": TOKEN})) for i in range(count)]


def fault(name: str, on: bool = True) -> dict[str, Any]:
    """Break or mend a part."""
    return {"do": "fault", "name": name, "on": on}


HOSTED = [(1.0, HELLO), (1.2, SUBSCRIBE), (1.5, ARM), (2.5, PRESS)]

SCENARIOS: list[tuple[str, dict[str, Any], list[tuple[float, Any]], float]] = [
    ("button_alone", {"seed": 1, "podlet": "demo"}, [(2.0, PRESS)], 330.0),
    ("no_podlet", {"seed": 2}, [(2.0, PRESS)], 330.0),
    ("host_session", {"seed": 3, "podlet": "demo"}, [*HOSTED, *leases(2.0, 330)], 330.0),
    ("host_dies", {"seed": 4, "podlet": "demo"}, [*HOSTED, *leases(2.0, 150)], 170.0),
    (
        "paused",
        {"seed": 5, "podlet": "demo"},
        [*HOSTED, *leases(2, 240), (130, PAUSE), (140, RESUME), (141, PRESS)],
        240.0,
    ),
    ("stopped_by_button", {"seed": 6, "podlet": "fragile"}, [(2.0, PRESS), (120.0, PRESS)], 140.0),
    ("podlet_removed", {"seed": 7, "podlet": "demo"}, [(2.0, PRESS), (125.0, {"do": "remove"})], 200.0),
    ("wall_open", {"seed": 8, "podlet": "demo"}, [(2.0, PRESS), (60.0, fault("wall_open"))], 80.0),
    ("ssr_welded", {"seed": 9, "podlet": "empty"}, [(2.0, PRESS), (100.0, fault("ssr_welded"))], 120.0),
    ("reader_silent", {"seed": 10, "podlet": "demo"}, [(1.0, fault("reader_silent")), (2.0, PRESS)], 200.0),
    ("mains_lost", {"seed": 11, "podlet": "demo"}, [(2.0, PRESS), (90.0, fault("mains_lost"))], 100.0),
    ("altitude", {"seed": 12, "podlet": "demo", "plant": {"altitude_m": 2500.0}}, [(2.0, PRESS)], 200.0),
    (
        "reset_while_hot",
        {"seed": 13, "podlet": "demo"},
        [(2.0, PRESS), (110.0, {"do": "reset", "cause": "watchdog"})],
        130.0,
    ),
    (
        "tune",
        {"seed": 15, "podlet": "demo"},
        [(1.0, HELLO), (1.2, SUBSCRIBE), (1.5, TUNE), (2.5, PRESS), *leases(2.0, 300), (299.0, TUNED)],
        300.0,
    ),
    (
        "calibrated",
        {"seed": 16, "podlet": "demo", "plant": {"element_error": 0.05, "water_offset_mc": 300}},
        [(1.0, HELLO), (1.2, SUBSCRIBE), (1.5, CALIBRATE), (2.5, ARM), (3.5, PRESS), *leases(3.0, 330)],
        330.0,
    ),
    ("flood", {"seed": 14, "podlet": "demo"}, [(1.0, HELLO), *[(2 + i / 100, STOP) for i in range(300)]], 10.0),
]


def messages(data: bytes) -> Iterator[bytes]:
    """Frame bodies in a stretch of device bytes."""
    for is_frame, body in frame.Splitter().feed(data):
        if is_frame:
            yield body


def play(twin: Twin, script: list[tuple[float, Any]], seconds: float) -> bytes:
    """Play a script to its end; returns every byte the device sent."""
    out = b""
    seq = 0
    for at_s, act in [*sorted(script, key=lambda entry: entry[0]), (seconds, None)]:
        out += twin.exchange(b"", int(at_s * 1_000_000), stop=False)
        if isinstance(act, dict):
            answer = twin.control(act)
            assert "error" not in answer, answer
        elif act is not None:
            kind, fields = act
            seq = (seq + 1) & 0xFF
            out += twin.exchange(frame.encode(kind.ID, seq, kind(**fields).pack()), twin.now_us + 1000, stop=False)
    return out
