# SPDX-License-Identifier: Apache-2.0
"""A signed update over the link: sent into the slot that does not run, tried, and confirmed by the unit itself."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podsteam.bulk import Stream
from podsteam.errors import DeviceLost, DeviceSilent, Incomplete, IntegrityFailed, Refused, UsageProblem, WrongVersion
from podsteam.rate import raised
from podsteam.text import name_of
from podsteam.wire import messages as m

if TYPE_CHECKING:
    from podsteam.client import Device
    from podsteam.flash.release import Package

CHUNK = 224
"""Bytes of the package in a request, where the unit knows no streams."""
WINDOW = 10
"""A packed stream looks back by 2 to this power: 1 KiB of the unit's memory."""
TRIES = 5
"""Times that the unit may stand still for want of bytes that were sent."""
NO_SLOT = 2
_LOOK_S = 0.05
_SETTLED_S = 1.5
"""A unit that wants bytes and takes none for so long has lost them: no erase of its flash takes as long."""
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
    except WrongVersion as e:
        raise WrongVersion("The firmware of this unit knows no updates; `podsteam flash` installs a newer one.") from e
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
    head = len(raw) - sum(map(len, package.files.values()))
    device.request(m.UpdateBeginRequest(package.digest), m.UpdateBeginReply)
    sending = _Sending(device, raw, report)
    end = 0
    for _ in range(TRIES):
        reply = _wish(device, end)
        while reply.stage != m.UpdateValue.READY and reply.next >= end:
            manifest = reply.stage == m.UpdateValue.MANIFEST
            end = head if manifest else len(raw)
            sending.stretch(reply.next, end, not manifest)
            reply = _wish(device, end)
        if reply.stage == m.UpdateValue.READY:
            report(len(raw), len(raw))
            return
        end = reply.next
    raise _stuck()


def _stuck() -> Incomplete:
    return Incomplete("The unit does not get on with the update; run the command again to go on.")


def _wish(device: "Device", end: int) -> m.UpdateWriteReply:
    """What the unit wants once it has worked up what came: bytes from `end` of the package on, or nothing any more.

    It wants bytes before `end` when it stands still there: they did not arrive. Raises Refused, Incomplete.
    """
    clock = device.port.clock
    before: tuple[int, int] | None = None
    since = clock.now()
    while True:
        reply = device.request(m.UpdateWriteRequest(end, b""), m.UpdateWriteReply)
        if (reply.stage, reply.next) != before:
            before, since = (reply.stage, reply.next), clock.now()
        quiet_s = clock.now() - since
        wants = reply.stage in (m.UpdateValue.MANIFEST, m.UpdateValue.FILES)
        if reply.stage == m.UpdateValue.READY or (
            wants and (reply.next >= end or quiet_s >= device.in_clock(_SETTLED_S))
        ):
            return reply
        if quiet_s > device.in_clock(_WORK_S):
            raise _stuck()
        clock.sleep(device.in_clock(_LOOK_S))


class _Sending:
    """The way that this unit takes bytes in: a packed stream, a plain one, or a request for each few of them."""

    def __init__(self, device: "Device", raw: bytes, report: Callable[[int, int], None]) -> None:
        self._device = device
        self._raw = raw
        self._report = report
        self._told = 0
        self._window = WINDOW
        self._streams = True

    def stretch(self, at: int, end: int, packed: bool) -> None:
        """Send these bytes of the package; the unit may lack some of them afterwards. Raises Refused."""
        while self._streams:
            window = self._window if packed else 0
            try:
                self._stream(at, end, window)
                return
            except WrongVersion:
                self._streams = False
            except Refused as e:
                if e.name == "UPDATE_ORDER":
                    # It has all that it wants of this stream.
                    return
                if e.name != "OUT_OF_RANGE":
                    raise
                # It cannot unpack, or lacks the memory.
                self._streams = window > 0
                self._window = 0
        self._ask(at, end)

    def _stream(self, at: int, end: int, window: int) -> None:
        data = self._raw[at:end]
        if window:
            packer = zlib.compressobj(9, zlib.DEFLATED, -window, 9)
            data = packer.compress(data) + packer.flush()
        Stream(self._device, at, data, window, lambda done, size: self._tell(at + (end - at) * done // size)).carry_on()

    def _ask(self, at: int, end: int) -> None:
        while at < end:
            part = self._raw[at : min(at + CHUNK, end)]
            reply = self._device.request(m.UpdateWriteRequest(at, part), m.UpdateWriteReply)
            if reply.stage not in (m.UpdateValue.MANIFEST, m.UpdateValue.FILES):
                return
            at = reply.next
            self._tell(at)

    def _tell(self, done: int) -> None:
        self._told = max(self._told, done)
        self._report(self._told, len(self._raw))


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


def _send_fast(device: "Device", package: "Package", report: Callable[[int, int], None]) -> None:
    """As `send`, on a faster line where there is one; if that turns out bad, the rest goes on the line as it was."""
    most_baud = device.most_baud
    try:
        with raised(device, sum(map(len, package.files.values()))):
            send(device, package, report)
    except DeviceSilent:
        if device.most_baud == most_baud:
            raise
        send(device, package, report)


def install(device: "Device", package: "Package", report: Callable[[int, int], None]) -> State:
    """Send, restart, and wait until the new application is confirmed. Raises IntegrityFailed when it was given up.

    Configuration, calibration, records and ledger are not touched: they lie beside the slots.
    """
    before = state(device)
    check(package, before)
    _send_fast(device, package, report)
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
