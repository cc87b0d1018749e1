# SPDX-License-Identifier: Apache-2.0
"""One unit on one place: flashed, greeted, tested, given its identity. Ends with a record, or unplugged."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from podsteam import identity, production, production_identity
from podsteam.errors import (
    DeviceLost,
    Incomplete,
    IntegrityFailed,
    NoDevice,
    NotPodsteam,
    PodsteamError,
    PortBusy,
    UsageProblem,
)
from podsteam.production import FAIL, PASS, Record, Step
from podsteam.text import safe
from podsteam.transport import find

if TYPE_CHECKING:
    from podsteam.client import Device
    from podsteam.line.serials import Serials
    from podsteam.line.station import Station

_BOOT_S = 20.0
"""A unit answers within that time of being plugged in or restarted."""
_AGAIN_S = 0.3
_MAC = re.compile(r"MAC:\s*((?:[0-9a-f]{2}:){5}[0-9a-f]{2})\b")
_TRIES = 3
"""Times that flashing, or all that follows it, is begun when the line breaks in it: a cable that is touched, a computer
that has too much to do, a service that looks at each new port."""
_SLOW_BAUD = 115200
"""The last time the chip is written at this rate at most."""
_BROKEN = (DeviceLost, Incomplete, IntegrityFailed, NoDevice, NotPodsteam, PortBusy)
"""What a second run may mend."""


def _passed(step: str, tries: int) -> Step:
    """A step that passed, and after how many tries when one did not do."""
    return {"step": step, "result": PASS} | ({"tries": tries} if tries > 1 else {})


@dataclass(frozen=True, slots=True)
class Found:
    """How it ended."""

    unit: str
    """Its address; "": it never told."""
    record: Record | None
    """None: it was unplugged."""


@dataclass(slots=True)
class Work:
    """What is done to the unit on a place, in a thread of its own. Its plain fields may be read meanwhile."""

    station: "Station"
    serials: "Serials"
    place: str
    port: str
    gone: Callable[[], bool]
    """Whether the place has been empty since this began."""
    attempt_of: Callable[[str], int]
    """Number of the attempt that comes next for a unit."""
    scanned: str = ""
    told: Callable[["Work"], None] = lambda _: None
    """Called at the beginning of each step."""
    step: str = ""
    share: float = 0.0
    serial: str = ""
    unit: str = ""
    _steps: list[Step] = field(default_factory=list[Step])

    def run(self) -> Found:
        """All steps. Never raises a PodsteamError: what goes wrong is in the record."""
        try:
            self._flash()
            record = self._tested()
        except PodsteamError as e:
            record = self._failed(e)
        if self.gone():
            return Found(self.unit, None)
        return Found(self.unit, record)

    def _begin(self, step: str) -> None:
        self.step, self.share = step, 0.0
        self.told(self)
        if self.gone():
            raise DeviceLost(f"{safe(self.place, 40)} is empty.")

    def _flash(self) -> None:
        """Raises PodsteamError for a chip that cannot be flashed. A simulated board has no chip."""
        job = self.station.job
        if job is None or self.port == "sim" or self.port.startswith("sim:"):
            return

        def report(doing: str, share: float) -> None:
            self.share = share

        tries = 0
        while True:
            self._begin("flash")
            tries += 1
            try:
                job.run(self.port, report, self._esptool)
                break
            except _BROKEN as e:
                # What never answers takes long to find out, and a third time tells no more.
                if tries == _TRIES or (isinstance(e, NotPodsteam) and tries > 1):
                    raise
            if tries == _TRIES - 1:
                job = replace(job, baud=min(job.baud, _SLOW_BAUD))
            time.sleep(_AGAIN_S)
        self._steps.append(_passed("flash", tries))

    def _esptool(self, text: str) -> None:
        """The chip's address, should it never greet."""
        if (match := _MAC.search(text)) and match[1].strip("0:"):
            self.unit = match[1].replace(":", "")

    def _tested(self) -> Record:
        """Greeted, tested, given its identity; from the greeting on again when the line breaks meanwhile."""
        tries = 1
        while tries < _TRIES and not self.gone():
            try:
                return self._greeted(tries, again=True)
            except DeviceLost:
                tries += 1
                time.sleep(_AGAIN_S)
        return self._greeted(tries, again=False)

    def _greeted(self, tries: int, again: bool) -> Record:
        """Once. Raises DeviceLost where `again`; else the step that it is lost at has failed.

        A unit that restarts by itself has failed at once.
        """
        self._begin("greeting")
        with self._open() as device:
            self.unit = device.hello.uid.hex()
            self.serial = self.serials.of(self.unit, self._tells(device), self.scanned)
            block = self.station.parts.block(self.serial, self.station.hardware)
            steps, info = production.steps_of(device, self.station.limits, self._begin, again)
            if all(step["result"] == PASS for step in steps):
                self._begin("identity")
                steps.append(production_identity.step(device, block, self._ask, again))
            steps = [*self._steps, _passed("greeting", tries), *steps[1:]]
            return production.record_of(device, block, steps, info, self.station.limits, self.attempt_of(self.unit))

    def _open(self) -> "Device":
        """The unit once it has started. Raises NotPodsteam, NoDevice."""
        from podsteam.client import Device

        deadline = time.monotonic() + _BOOT_S
        while True:
            try:
                return Device(find.open_port(find.resolve(self.port)))
            except (NotPodsteam, NoDevice, DeviceLost):
                if self.gone() or time.monotonic() > deadline:
                    raise
            time.sleep(_AGAIN_S)

    def _tells(self, device: "Device") -> str:
        """The serial that the unit keeps, "": none, or it cannot tell."""
        try:
            return production.name_of(identity.known(device).serial, "serial number")
        except (DeviceLost, NoDevice):
            raise
        except PodsteamError:
            return ""

    def _ask(self, left_s: int) -> None:
        self._begin("press its button")

    def _failed(self, error: PodsteamError) -> Record:
        """The record of one that went no further than the step it is at."""
        at = "serial" if isinstance(error, UsageProblem) and self.step == "greeting" else self.step
        return {
            "serial": self.serial,
            "hardware": self.station.hardware,
            "attempt": self.attempt_of(self.unit) if self.unit else 1,
            "result": FAIL,
            "steps": [*self._steps, {"step": at, "result": FAIL, "problem": safe(str(error), 300)}],
            "firmware": "",
            "firmware_hash": "",
            "board": self.station.job.board.name if self.station.job else "",
            "limits_sha256": self.station.limits.sha256,
            "simulated": False,
        }
