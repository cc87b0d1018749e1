# SPDX-License-Identifier: Apache-2.0
"""The identity that a unit is given at the end of its making: from which files, when it is refused, and as a step."""

import binascii
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podsteam import identity
from podsteam.errors import PodsteamError, Refused, StoreFailed, UsageProblem, WrongVersion, line_broke
from podsteam.text import safe
from podsteam.wire import messages as m

if TYPE_CHECKING:
    from podsteam.client import Device

Asked = Callable[[int], None]
"""Told the seconds in which the unit's button is to be pressed and released."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What units are given beside serial number and revision; None: nothing."""

    update_key: bytes | None = None
    podlet_keys: tuple[bytes, ...] | None = None
    calibration: m.Calibration | None = None
    dose_calibration: m.DoseCalibration | None = None

    def block(self, serial: str, hardware: str) -> identity.Block:
        """The block of one unit."""
        parts = (self.calibration, self.dose_calibration, self.update_key, self.podlet_keys)
        return identity.Block(serial, hardware, *parts)

    def calibrated(self, path: Path | None) -> "Parts":
        """The same with the calibration in a file. Raises UsageProblem."""
        if path is None:
            return self
        from podsteam.identity_file import load

        own, dose = load(path)
        return dataclasses.replace(self, calibration=own, dose_calibration=dose)


def parts(update_key: Path | None, podlet_keys: tuple[Path, ...], calibration: Path | None) -> Parts:
    """From the files that hold them. Raises UsageProblem."""
    from podsteam.podlet_sign import public_key

    keys = tuple(public_key(path) for path in podlet_keys)
    if len(set(keys)) != len(keys):
        raise UsageProblem("A podlet key is given twice.")
    found = Parts(public_key(update_key) if update_key else None, keys or None)
    found.block("x", "x").pack()
    return found.calibrated(calibration)


def refuse(device: "Device", block: identity.Block, again: bool) -> None:
    """Raises UsageProblem when the unit was provisioned otherwise and `again` is off."""
    if again:
        return
    try:
        found = identity.known(device)
    except (Refused, WrongVersion):
        return  # It shows as the step that fails.
    if found.provisioned and found.crc != binascii.crc32(block.pack()):
        unit = device.hello.uid.hex()
        what = "otherwise" if found.serial == block.serial else f"as {safe(found.serial, 40)}"
        raise UsageProblem(f"Unit {unit} is provisioned already, {what}; add --again, and press its button when asked.")


def step(device: "Device", block: identity.Block, asked: Asked, again: bool = False) -> dict[str, Any]:
    """Write the block and read it back: the step "identity". Raises StoreFailed alone; with `again` DeviceLost too."""
    try:
        after = identity.write(device, block, asked)
    except StoreFailed:
        raise
    except PodsteamError as e:
        if again and line_broke(e):
            raise
        return {"step": "identity", "result": "fail", "problem": safe(str(e), 300)}
    kept = {"crc": f"{after.crc:08x}", "update_key": after.update_key, "podlet_keys": list(after.podlet_keys)}
    calibrated = [name for name in ("calibration", "dose_calibration") if getattr(block, name) is not None]
    return {"step": "identity", "result": "pass", "kept": {**kept, "calibrated": calibrated}}
