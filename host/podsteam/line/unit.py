# SPDX-License-Identifier: Apache-2.0
"""One unit on one place: flashed, greeted, tested, given its identity. Ends with a record, or unplugged."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podsteam import identity, production, production_identity
from podsteam.errors import DeviceLost, Incomplete, NoDevice, NotPodsteam, PodsteamError, UsageProblem
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
            record = self._greeted()
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
        self._begin("flash")

        def report(doing: str, share: float) -> None:
            self.share = share

        try:
            job.run(self.port, report, self._esptool)
        except (DeviceLost, Incomplete):
            # A line that breaks once is no failure: a second run finishes the job.
            self._begin("flash")
            job.run(self.port, report, self._esptool)
        self._steps.append({"step": "flash", "result": PASS})

    def _esptool(self, text: str) -> None:
        """The chip's address, should it never greet."""
        if (match := _MAC.search(text)) and match[1].strip("0:"):
            self.unit = match[1].replace(":", "")

    def _greeted(self) -> Record:
        self._begin("greeting")
        with self._open() as device:
            self.unit = device.hello.uid.hex()
            self.serial = self.serials.of(self.unit, self._tells(device), self.scanned)
            block = self.station.parts.block(self.serial, self.station.hardware)
            steps, info = production.steps_of(device, self.station.limits, self._begin)
            if all(step["result"] == PASS for step in steps):
                self._begin("identity")
                steps.append(production_identity.step(device, block, self._ask))
            steps = [*self._steps, *steps]
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
