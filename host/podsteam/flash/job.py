# SPDX-License-Identifier: Apache-2.0
"""One chip, from whatever it holds to a running unit: read what is kept, write, verify, restart, ask the self-test."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from podsteam.errors import DeviceLost, NoDevice, NotPodsteam, PodsteamError, UsageProblem
from podsteam.flash import boards, image, plan
from podsteam.flash.burn import BAUD, Esptool, look
from podsteam.flash.container import TABLE_AT, TABLE_SIZE, Chip, Container, chip_named, files_of, table
from podsteam.text import safe

if TYPE_CHECKING:
    from podsteam.client import Device

Report = Callable[[str, float], None]
"""Told what is being done, and the share of the whole job that is done, 0 to 1."""
_VERIFY_SHARE = 0.1
"""What verifying a byte takes of the time of writing it: the chip hashes, and only the hash is sent."""
_BOOT_S = 20.0
"""A unit answers within that time of its start: REPL pause, reading its slot, importing, and some more."""
_AGAIN_S = 0.1


@dataclass(frozen=True)
class Job:
    """What is to be done to each chip."""

    board: boards.BoardFile
    container: Container | None
    """An image; None: where the files go is read from the chip."""
    compiled: Mapping[str, bytes]
    entry: Mapping[str, bytes]
    erase: bool = False
    verify: bool = False
    keep_data: bool = False
    """What is below `/data` is read from the chip and written back."""
    start: bool = True
    """Restart the chip and ask its self-test."""
    baud: int = BAUD
    interpreter: bool = True
    """Whether the image is written; if not, only its partition table is used."""

    key: bytes = b""
    """Whose updates the unit takes: x and y of a P-256 key; empty: nobody's, or as before with `keep_data`."""

    def offline(self) -> plan.Plan:
        """What would be written, as far as it can be told without a chip. Raises UsageProblem when it cannot."""
        if self.container is None or self.keep_data:
            raise UsageProblem("What would be written depends on what the chip holds; name its --port.")
        files = plan.file_system(self.container.files, self.compiled, self.entry, key=self.key)
        return self._plan(self.container.chip, files)

    def _plan(self, chip: Chip, files: plan.Segment) -> plan.Plan:
        container = self.container if self.interpreter else None
        return plan.plan(self.board, chip, container, files, erase=self.erase)

    def prepare(self, port: str, report: Report, note: Callable[[str], None] | None = None) -> plan.Plan:
        """The plan for the chip on a port, which is read if need be, and not changed."""
        if self.container is not None and not self.keep_data:
            return self.offline()
        look(port)
        tool = Esptool(port, chip_named(self.board.chip), self.baud, note)
        if self.container is not None:
            partition = self.container.files
        else:
            report("reading the partition table", 0.0)
            raw = tool.read(TABLE_AT, TABLE_SIZE, lambda _: None)
            partition = files_of(table(raw, f"the chip on {safe(port)}"))
        kept: dict[str, bytes] | None = None
        if self.keep_data:
            size = partition.size
            content = tool.read(partition.start, size, lambda done: report("reading its data", 0.3 * done / size))
            below = "data/"
            kept = {p.removeprefix(below): d for p, d in image.read(content).items() if p.startswith(below)}
        files = plan.file_system(partition, self.compiled, self.entry, kept, key=self.key)
        return self._plan(tool.chip, files)

    def run(self, port: str, report: Report, note: Callable[[str], None] | None = None) -> dict[str, Any]:
        """Do it. Returns what was done, as data. Raises a PodsteamError; the same call again finishes the job."""
        begun = time.monotonic()
        look(port)
        todo = self.prepare(port, report, note)
        tool = Esptool(port, todo.chip, self.baud, note)
        tool.restart = self.start and not self.verify
        first = 0.3 if self.keep_data else 0.0
        whole = todo.size * (1 + (_VERIFY_SHARE if self.verify else 0))

        def done(doing: str, share: float, of: float) -> None:
            report(doing, first + (1 - first) * min(1.0, (share + of) / whole))

        tool.write(todo.segments, lambda at: done("writing", 0, at), erase=self.erase)
        if self.verify:
            tool.restart = self.start
            tool.verify(todo.segments, lambda at: done("verifying", todo.size, _VERIFY_SHARE * at))
        found = self._self_test(port, report) if self.start else None
        report("done", 1.0)
        return {"port": port, **todo.as_data(), "self_test": found, "seconds": round(time.monotonic() - begun, 1)}

    def _self_test(self, port: str, report: Report) -> dict[str, Any] | None:
        """What the restarted unit finds; None where it cannot be restarted."""
        if "://" in port:
            return None
        report("waiting for its self-test", 1.0)
        with greet(port) as device:
            reply = device.selftest()
        return {"passed": not reply.failed & reply.stops, "done": reply.done, "failed": reply.failed}


def greet(port: str, within_s: float = _BOOT_S) -> "Device":
    """The unit on a port, once it has started. Raises NotPodsteam when it does not answer in time."""
    from podsteam.client import Device
    from podsteam.transport import find

    deadline = time.monotonic() + within_s
    while True:
        try:
            return Device(find.open_port(port))
        except (NotPodsteam, NoDevice, DeviceLost) as e:
            # A chip with its own USB is away while it restarts.
            if time.monotonic() > deadline:
                raise NotPodsteam(
                    f"Everything was written to the chip on {safe(port)}, but it does not answer; press EN, then run"
                    " `podsteam info`."
                ) from e
        time.sleep(_AGAIN_S)


Outcome = dict[str, Any] | PodsteamError


def run_all(job: Job, ports: list[str], report: Callable[[str, str, float], None]) -> dict[str, Outcome]:
    """The job on several ports at once. Each ends for itself: with its data, or with its error."""
    from concurrent.futures import ThreadPoolExecutor

    def one(port: str) -> Outcome:
        try:
            return job.run(port, lambda doing, share: report(port, doing, share))
        except PodsteamError as e:
            report(port, "failed", -1.0)
            return e

    with ThreadPoolExecutor(max_workers=len(ports)) as pool:
        return dict(zip(ports, pool.map(one, ports), strict=True))
