# SPDX-License-Identifier: Apache-2.0
"""What scripts may rely on: every name here keeps its meaning within a major version. All else may change.

    from podsteam.api import connect, DeviceLost

Of a class, what has no leading underscore is public. The messages in `podsteam.wire.messages` follow the protocol's
own rule: a minor version appends fields and values, and removes none.
"""

from podsteam import connect
from podsteam.client import Device
from podsteam.errors import (
    AmbiguousDevice,
    ButtonNotPressed,
    DeviceLost,
    DeviceRestarted,
    DeviceSilent,
    EndedEarly,
    Incomplete,
    IntegrityFailed,
    Interrupted,
    NoDevice,
    NotPodsteam,
    PodletRecalled,
    PodsteamError,
    PortBusy,
    PortForbidden,
    ProductionFailed,
    Refused,
    SafetyLatched,
    StoreFailed,
    UsageProblem,
    WrongVersion,
)
from podsteam.program import load as load_program
from podsteam.record import Record
from podsteam.runs import Run, Sessions, wait_all
from podsteam.session import Outcome
from podsteam.store import open_store
from podsteam.transport.find import Candidate, candidates
from podsteam.wire import messages

__all__ = [
    "AmbiguousDevice",
    "ButtonNotPressed",
    "Candidate",
    "Device",
    "DeviceLost",
    "DeviceRestarted",
    "DeviceSilent",
    "EndedEarly",
    "Incomplete",
    "IntegrityFailed",
    "Interrupted",
    "NoDevice",
    "NotPodsteam",
    "Outcome",
    "PodletRecalled",
    "PodsteamError",
    "PortBusy",
    "PortForbidden",
    "ProductionFailed",
    "Record",
    "Refused",
    "Run",
    "SafetyLatched",
    "Sessions",
    "StoreFailed",
    "UsageProblem",
    "WrongVersion",
    "candidates",
    "connect",
    "load_program",
    "messages",
    "open_store",
    "wait_all",
]
