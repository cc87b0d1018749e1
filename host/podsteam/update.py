# SPDX-License-Identifier: Apache-2.0
"""A signed update over the link: sent into the slot that does not run, tried, and confirmed by the unit itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podsteam.errors import DeviceLost, DeviceSilent, Incomplete, IntegrityFailed, Refused, UsageProblem, WrongVersion
from podsteam.text import name_of
from podsteam.wire import messages as m

if TYPE_CHECKING:
    from podsteam.client import Device
    from podsteam.flash.release import Package

CHUNK = 224
"""Bytes of the package in a request."""
NO_SLOT = 2
_LOOK_S = 0.05
_WORK_S = 60.0
"""The longest that the unit works without wanting data: the signature, a full slot that is cleared."""
_BOOT_S = 30.0
_PROVED_S = 60.0
"""Within that time of its start a new application is confirmed or given up."""


@dataclass(frozen=True)
class State:
    """What runs on the unit, as UPDATE_GET has it."""

    slot: int
    trial: bool
    other: bool
    stage: int
    floor: str
    board: str
    version: str


def state(device: "Device") -> State:
    """Ask the unit. Raises WrongVersion when it does not know updates."""
    try:
        reply = device.request(m.UpdateGetRequest(), m.UpdateGetReply)
    except Refused as e:
        if e.name == "UNKNOWN_MESSAGE":
            raise WrongVersion(
                "The firmware of this unit knows no updates; `podsteam flash` installs a newer one."
            ) from e
        raise
    floor = ".".join(str(reply.floor >> shift & 1023) for shift in (20, 10, 0))
    return State(
        reply.slot,
        bool(reply.trial),
        bool(reply.other),
        reply.stage,
        floor,
        name_of(reply.board),
        name_of(reply.version),
    )


def check(package: "Package", found: State) -> None:
    """What can be told without sending anything. Raises UsageProblem, IntegrityFailed."""
    if found.slot == NO_SLOT:
        raise UsageProblem("This unit's application runs from no slot; `podsteam flash` installs one that does.")
    if package.board != found.board:
        raise UsageProblem(f"The update is for the board '{package.board}', the unit is a '{found.board}'.")
    if not package.signed:
        raise IntegrityFailed("The update is not signed, so no unit takes it.")


def send(device: "Device", package: "Package", report: Callable[[int, int], None]) -> None:
    """Send a package, or the rest of one whose sending was interrupted, and wait until the slot is ready.

    `report` is told bytes done and bytes in all. Raises Refused; the unit says why. Run again to go on.
    """
    raw = package.pack()
    clock = device.port.clock
    device.request(m.UpdateBeginRequest(package.digest), m.UpdateBeginReply)
    at = 0
    quiet_since = clock.now()
    while True:
        reply = device.request(m.UpdateWriteRequest(at, raw[at : at + CHUNK]), m.UpdateWriteReply)
        report(min(reply.next, len(raw)), len(raw))
        if reply.stage == m.UpdateValue.READY:
            return
        if reply.next != at or reply.stage in (m.UpdateValue.MANIFEST, m.UpdateValue.FILES):
            if reply.next > len(raw) or (reply.next == len(raw) and reply.stage != m.UpdateValue.CHECK):
                quiet_since = min(quiet_since, clock.now())
            else:
                quiet_since = clock.now()
            at = reply.next
        if reply.stage in (m.UpdateValue.VERIFY, m.UpdateValue.CLEAR, m.UpdateValue.CHECK):
            if clock.now() - quiet_since > device.in_clock(_WORK_S):
                raise Incomplete("The unit does not get on with the update; run the command again to go on.")
            clock.sleep(device.in_clock(_LOOK_S))


def restart(device: "Device", rollback: bool = False) -> State:
    """Restart into the slot that is ready, or with `rollback` into the other one; what runs then."""
    if rollback:
        device.request(m.UpdateRollbackRequest(), m.UpdateRollbackReply)
    else:
        device.request(m.UpdateRestartRequest(), m.UpdateRestartReply)
    # The answer has left; the restart follows it.
    device.port.clock.sleep(device.in_clock(1.0))
    device.greet_again(_BOOT_S)
    return state(device)


def install(device: "Device", package: "Package", report: Callable[[int, int], None]) -> State:
    """Send, restart, and wait until the new application is confirmed. Raises IntegrityFailed when it was given up.

    Configuration, calibration, records and ledger are not touched: they lie beside the slots.
    """
    before = state(device)
    check(package, before)
    send(device, package, report)
    found = restart(device)
    clock = device.port.clock
    deadline = clock.now() + device.in_clock(_PROVED_S)
    while found.slot != before.slot and found.trial and clock.now() < deadline:
        clock.sleep(device.in_clock(1.0))
        try:
            found = state(device)
        except (DeviceSilent, DeviceLost):
            device.greet_again(_BOOT_S)
            found = state(device)
    if found.slot == before.slot or found.trial:
        raise IntegrityFailed(
            f"The new application did not prove itself, and {found.version or before.version} runs again; nothing is"
            " lost. `podsteam selftest` may tell why."
        )
    return found
