# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, as exceptions: one root, one exit status for each kind, one sentence for each case.

Scripts catch these; the command line prints the sentence on stderr and ends with the status.
"""

from typing import ClassVar


class PodsteamError(Exception):
    """Root of all. `str()` gives one sentence; `status` is the exit status of the command line."""

    status: ClassVar[int] = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UsageProblem(PodsteamError):
    """A command, an option or an input file is wrong. Nothing was sent to a device."""

    status = 2


class NoDevice(PodsteamError):
    """No port matches, or the port named does not exist."""

    status = 10


class AmbiguousDevice(PodsteamError):
    """Several ports match; the message lists them."""

    status = 11


class PortForbidden(PodsteamError):
    """The operating system does not allow this user to open the port."""

    status = 12


class PortBusy(PodsteamError):
    """Another process uses the port; the message names it where the system tells."""

    status = 13


class NotPodsteam(PodsteamError):
    """Nothing answers on the port, or what answers is not podsteam."""

    status = 14


class WrongVersion(PodsteamError):
    """Device and host speak different major versions, or the device does not know a request."""

    status = 15


class DeviceLost(PodsteamError):
    """The device went away in the middle: unplugged, dead, or silent for too long."""

    status = 16


class DeviceSilent(DeviceLost):
    """The device does not answer any more, though its port is still there."""


class DeviceRestarted(DeviceLost):
    """The boot id changed: the device restarted, and what it was asked to do is over."""


def line_broke(error: Exception) -> bool:
    """Whether only the line was lost, so that the same may be tried again: a device that restarts has failed."""
    return isinstance(error, DeviceLost) and not isinstance(error, DeviceRestarted)


class Refused(PodsteamError):
    """The device refused a request.

    `code` is the number that `podsteam explain` knows, `name` its name, `arg` the index of the field at fault
    (255: none) and `detail` the figure that the device gave with it.
    """

    status = 20

    def __init__(self, message: str, code: int = 0, name: str = "", arg: int = 255, detail: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.name = name
        self.arg = arg
        self.detail = detail


class SafetyLatched(Refused):
    """A fault is latched on the device, or stopped the session."""

    status = 21


class ButtonNotPressed(Refused):
    """The device wants its button pressed, and nobody did."""

    status = 22


class EndedEarly(PodsteamError):
    """The session ended before its program did, without a fault."""

    status = 23


class ProductionFailed(PodsteamError):
    """A unit did not pass its production test, or could not be tested; what was found is in the store."""

    status = 24


class PodletRecalled(PodsteamError):
    """The podlet in the holder was recalled, by this computer's list or by one on the device."""

    status = 26


class IntegrityFailed(PodsteamError):
    """Data fails its check."""

    status = 30


class Incomplete(PodsteamError):
    """A transfer ended early; what arrived is kept and the rest can be fetched later."""

    status = 31


class StoreFailed(PodsteamError):
    """The record store, or another file on this computer, cannot be read or written."""

    status = 40


class Interrupted(PodsteamError):
    """Ctrl-C, after everything was brought to rest."""

    status = 130


STATUSES: tuple[tuple[int, str], ...] = (
    (0, "done"),
    (1, "internal error"),
    (2, "usage: a command, option or input file is wrong, or a part is missing"),
    (10, "no device found"),
    (11, "several devices match"),
    (12, "no permission to open the port"),
    (13, "the port is used by another process"),
    (14, "no answer, or what answers is not podsteam"),
    (15, "device and host have different versions"),
    (16, "the device was lost, or restarted, in the middle"),
    (20, "the device refused"),
    (21, "a safety fault is latched, or stopped the session"),
    (22, "the button on the device was not pressed"),
    (23, "the session ended before its program did, without a fault"),
    (24, "a unit did not pass its production test"),
    (26, "the podlet was recalled"),
    (30, "data fails its check"),
    (31, "transfer incomplete; run it again to go on"),
    (40, "the record store or a file on this computer cannot be read or written"),
    (130, "interrupted"),
)
"""Exit statuses of the command line: (status, meaning)."""
