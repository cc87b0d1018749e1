# SPDX-License-Identifier: Apache-2.0
"""What is noted of device, settings, calibration and podlet when a session starts, so that its record can be traced
later."""

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

from podsteam.config import keys, value_of
from podsteam.errors import PodsteamError
from podsteam.podlet import read_tag
from podsteam.store import facts

if TYPE_CHECKING:
    from podsteam.client import Device
    from podsteam.store.database import Store
    from podsteam.wire import messages as m

LABEL = ("batch", "name", "maker", "made", "expires", "pao_days", "fill_nl", "dose_nl", "cleaning", "problem")
"""What of a podlet's label is noted."""


def gather(device: "Device", info: "m.InfoGetReply", store: "Store") -> None:
    """Note what the device, its settings, its calibration and its podlet are now, where that is news. What the device
    does not tell is left out: no session fails for it."""
    for each in (_device, _calibration, _config, _podlet):
        with contextlib.suppress(PodsteamError):
            each(device, info, store)


def _device(device: "Device", info: "m.InfoGetReply", store: "Store") -> None:
    hello = device.hello
    value = {
        "firmware": f"{hello.firmware_major}.{hello.firmware_minor}.{hello.firmware_patch}",
        "firmware_hash": info.firmware_hash.hex(),
        "schema_hash": f"{hello.schema_hash:08x}",
        "caps": hello.caps,
    }
    facts.note(store, "device", hello.uid.hex(), value)


def _calibration(device: "Device", info: "m.InfoGetReply", store: "Store") -> None:
    facts.note(store, "calibration", device.hello.uid.hex(), dataclasses.asdict(device.calibration()))


def _config(device: "Device", info: "m.InfoGetReply", store: "Store") -> None:
    config = device.config()
    facts.note(store, "config", device.hello.uid.hex(), {key: value_of(config, key) for key in keys()})


def _podlet(device: "Device", info: "m.InfoGetReply", store: "Store") -> None:
    judged = device.podlet()
    if not any(judged.uid) or not judged.size:
        return
    label: dict[str, Any] | None = read_tag(device.podlet_memory(judged.size))
    if label is not None:
        known = {name: label[name] for name in LABEL if label.get(name) is not None}
        facts.note(store, "podlet", judged.uid.hex(), known)
