# SPDX-License-Identifier: Apache-2.0
"""A unit's calibration as a TOML file, for provisioning: the tables [calibration] and [dose_calibration]."""

import dataclasses
from pathlib import Path
from typing import Any, cast

from podsteam import calibration, dosing
from podsteam.errors import UsageProblem
from podsteam.text import safe
from podsteam.tomlfile import table_of
from podsteam.wire import messages as m

_MOST_BYTES = 65_536
# Key in the file: field, how many of its units are one of the file's, least and most in the file's unit.
Keys = dict[str, tuple[str, int, float, float]]
CALIBRATION: Keys = {
    "element_W": ("element_dw", 10, 100, 1000),
    "steam_gain": ("gain_permille", 1000, 0.7, 1.3),
    "wall_K": ("wall_low_mk", 1000, -3, 3),
    "water_low_K": ("water_low_mk", 1000, -3, 3),
    "outlet_K": ("outlet_low_mk", 1000, -3, 3),
    "low_degC": ("low_cdeg", 100, 5, 45),
    "water_high_K": ("water_high_mk", 1000, -3, 3),
    "high_degC": ("high_cdeg", 100, 80, 106),
    "hold_gain_W_per_K": ("hold_gain_dw_k", 10, 1, 50),
    "hold_integral_s": ("hold_integral_ds", 10, 10, 600),
    "hold_derivative_s": ("hold_derivative_ds", 10, 0.5, 60),
}
"""What `podsteam calibrate show --json` prints."""
DOSE: Keys = {
    "gain": ("gain_permille", 1000, 0.5, 1.5),
    "dead_ms": ("dead_us", 1000, 0.5, 20),
    "p95_percent": ("p95_permille", 10, 0, 50),
    "room_degC": ("temp_cdeg", 100, 5, 45),
    "warmth_percent_per_K": ("temp_permille_k", 10, 0, 5),
    "pulses": ("pulses", 1, 0, 65_535),
}
Sets = tuple[m.Calibration | None, m.DoseCalibration | None]


def load(path: Path) -> Sets:
    """The calibrations in a file; a value that is left out is that of a new unit. Raises UsageProblem."""
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise UsageProblem(f"{path}: cannot be read ({e.strerror or e}).") from e
    if len(raw) > _MOST_BYTES:
        raise UsageProblem(f"{path}: is larger than {_MOST_BYTES} bytes; name another file.")
    table = table_of(raw, str(path))
    names = {"calibration", "dose_calibration"}
    if not table or not set(table) <= names or not all(isinstance(each, dict) for each in table.values()):
        raise UsageProblem(f"{path}: has the tables [calibration] and [dose_calibration], one or both, and no others.")
    own = dose = None
    if "calibration" in table:
        own = m.Calibration(**_fields(table["calibration"], CALIBRATION, calibration.NEW, f"{path}: [calibration]"))
        if own.water_high_mk and not own.high_cdeg:
            raise UsageProblem(f"{path}: [calibration] water_high_K wants high_degC beside it.")
    if "dose_calibration" in table:
        where = f"{path}: [dose_calibration]"
        dose = m.DoseCalibration(**_fields(table["dose_calibration"], DOSE, dosing.NEW, where))
    return own, dose


def _fields(table: Any, keys: Keys, new: m.Calibration | m.DoseCalibration, where: str) -> dict[str, int]:
    found: dict[str, int] = dataclasses.asdict(new)
    for key, value in cast("dict[str, Any]", table).items():
        if key not in keys:
            raise UsageProblem(f"{where} knows no '{safe(key, 40)}'; it knows {', '.join(keys)}.")
        field, scale, least, most = keys[key]
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            raise UsageProblem(f"{where} {key} must be a number from {least:g} to {most:g}.")
        found[field] = round(value * scale)
    return found
