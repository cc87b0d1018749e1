# SPDX-License-Identifier: Apache-2.0
"""What the peers' wall temperature means in steam: set right for the nominal boiler, then the surroundings change."""

import pytest
from contest import PEERS, peer_steam, tuned, wall_for_steam
from loop import Device
from peers import klipper
from plants import Case, nominal
from publish import Publisher, Recorder

CHANGES: dict[str, dict[str, float]] = {
    "nominal": {},
    "1500 m": {"altitude_m": 1500.0},
    "0.1 mm of scale": {"scale_mm": 0.1},
    "mains -10 %": {"mains_v": 207.0},
    "sensor +1 K": {"wall_offset_mc": 1000, "water_offset_mc": 1000},
}


def test_steam_of_a_kept_wall(record_figure: Recorder) -> None:
    publisher = Publisher(record_figure)
    base = nominal()
    target_c = wall_for_steam(base)
    for name in [*PEERS, "ideal_wall"]:
        if name == "klipper":
            try:
                klipper.folder()
            except klipper.Missing:
                continue
        gains = None if name == "ideal_wall" else tuned(name, base, "wall", target_c)[0]
        errors = {label: error(name, gains, base.but(**changes), target_c) for label, changes in CHANGES.items()}
        context = f"largest; wall kept at {target_c:.1f} degC, right for the nominal boiler; gains from its own tuning "
        context += "there; mean of the last minute, one seed: "
        context += ", ".join(f"{label} {100 * value:+.0f} %" for label, value in errors.items())
        layered = base.of("layered")
        context += (
            f"; layered plant at 1500 m {100 * error(name, gains, layered.but(altitude_m=1500.0), target_c):+.0f} %"
        )
        publisher.row(f"steam_mean_error_{name}", 100 * max(abs(v) for v in errors.values()), "%", None, context)
    errors = {}
    for label, changes in CHANGES.items():
        case = base.but(**changes)
        device = Device(base)
        device.calibrate(device.steam(base))
        device.steam(case)
        errors[label] = device.steam(case).last_error()
    context = "largest; ours in the same cases, calibrated at home, second session there: "
    context += ", ".join(f"{label} {100 * value:+.1f} %" for label, value in errors.items())
    publisher.row("steam_mean_error_same_cases", 100 * max(abs(v) for v in errors.values()), "%", 5.0, context)
    publisher.check()


def error(name: str, gains: tuple[float, float, float] | None, case: Case, target_c: float) -> float:
    return peer_steam(name, gains, case, target_c).last_error()


def test_klipper_takes_part() -> None:
    try:
        klipper.folder()
    except klipper.Missing as reason:
        pytest.skip(str(reason))
