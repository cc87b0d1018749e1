# SPDX-License-Identifier: Apache-2.0
"""Power cuts: record the operations of one run, then cut it at every operation, torn in every way, and judge each.

A run is recorded once: every flash program and erase, every page written to a tag, and the *promise* that held at
each moment, which is whatever the scenario must find again after a cut there. `cut_everywhere` builds the
memory as each cut leaves it (blocks are shared between images, only the torn one is made anew), starts from it and
asks the scenario for complaints. From some of the cuts it also records the recovery, and cuts that everywhere.

A scenario is an object with four functions:

    build(seed) -> (devices, promise)       flashes and tags as they were before, and what is on them
    run(devices, tape, seed)                what is cut; sets `tape.promise` before and after what it writes
    check(devices, promise) -> [complaint]  starts from what the cut left; raises when it cannot start
    recover(devices, tape, seed)            start, and the first writes after it: what the second cut hits

A cut falls on an operation, which it leaves torn or whole, or between operations, on a moment when the promise
changed. Those that would leave the same bytes under the same promise count once: to lose an operation whole is to keep
the one before it whole.
"""

from podsteam_protocol.const import const
from podsteam_twin.files import FileStore
from podsteam_twin.flash import PROG, Flash
from podsteam_twin.tears import PAGE, TEARS, WHOLE, Noise, freeze

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from podsteam_twin.nfc.ntag import Ntag
    from podsteam_twin.tears import Device, Op

    class Scenario(Protocol):
        """What is cut, and what must hold; see the module."""

        def build(self, seed: int) -> tuple[list[Device], Any]:
            """Devices and promise."""
            ...

        def run(self, devices: list[Device], tape: "Tape", seed: int) -> None:
            """What is cut."""
            ...

        def check(self, devices: list[Device], promise: Any) -> list[str]:
            """Complaints."""
            ...

        def recover(self, devices: list[Device], tape: "Tape", seed: int) -> None:
            """What the second cut hits."""
            ...


_EXAMPLES = const(5)


class Unbootable(Exception):
    """What the cut left cannot be started from."""


def mounted(flash: Flash) -> FileStore:
    """The file store on a flash, as a start of the device mounts it. Raises Unbootable when it was made anew."""
    before = sum(flash.erases)
    files = FileStore(flash)
    if sum(flash.erases) != before:
        raise Unbootable("the file system did not mount")
    return files


class Tape:
    """The operations of a run on `devices`, in order, each with the promise that held when it began."""

    def __init__(self, devices: "list[Device]", promise: "Any") -> None:
        self.ops: "list[Op]" = []
        self.marks: "list[tuple[int, Any]]" = [(0, promise)]
        """Every promise there was, with the number of operations before it."""
        self._devices = devices
        self._open: "tuple[int, int, int, int, int, Any] | None" = None
        for index, device in enumerate(devices):
            if isinstance(device, Flash):
                self._tap_flash(index, device)
            else:
                self._tap_tag(index, device)

    @property
    def promise(self) -> "Any":
        """What must be found after a cut from now on. Replaced, never changed in place."""
        return self.marks[-1][1]

    @promise.setter
    def promise(self, promise: "Any") -> None:
        self._settle()
        self.marks.append((len(self.ops), promise))

    def _tap_flash(self, index: int, flash: Flash) -> None:
        before = flash.on_op

        def tap(kind: int, block: int, offset: int, length: int) -> None:
            self._settle()
            self._open = (index, kind, block, offset, length, self.promise)
            if before:
                before(kind, block, offset, length)

        flash.on_op = tap

    def _tap_tag(self, index: int, tag: "Ntag") -> None:
        def tap(page: int, old: bytes, new: bytes, permille: int) -> None:
            self._settle()
            self.ops.append((index, PAGE, page, 0, bytes(new), self.promise))

        tag.tear = tap

    def _settle(self) -> None:
        """Flash tells of an operation before it happens: what it programmed is read back at the next one."""
        if self._open is None:
            return
        index, kind, block, offset, length, promise = self._open
        self._open = None
        data = b""
        flash = self._devices[index]
        if kind == PROG and isinstance(flash, Flash):
            buf = bytearray(length)
            flash.readblocks(block, buf, offset)
            data = bytes(buf)
        self.ops.append((index, kind, block, offset, data, promise))

    def close(self) -> None:
        """The run is over."""
        self._settle()
        for device in self._devices:
            if isinstance(device, Flash):
                device.on_op = None
            else:
                device.tear = None


class Tally:
    """What came out."""

    def __init__(self) -> None:
        self.operations = 0
        """Of the first run."""
        self.cuts = 0
        """Of the first run."""
        self.second_cuts = 0
        """Of recoveries."""
        self.unbootable = 0
        """Cuts after which the start failed."""
        self.lost = 0
        """Cuts after which something promised was missing or wrong."""
        self.examples: "list[str]" = []
        """The first few complaints."""

    def add(self, tally: "dict[str, Any]") -> None:
        """Add what `figures` of another gave."""
        self.operations += tally["operations"]
        self.cuts += tally["cuts"]
        self.second_cuts += tally["second_cuts"]
        self.unbootable += tally["unbootable"]
        self.lost += tally["lost"]
        self.examples = (self.examples + tally["examples"])[:_EXAMPLES]

    def figures(self) -> "dict[str, Any]":
        """All of it, for JSON."""
        return {
            "operations": self.operations,
            "cuts": self.cuts,
            "second_cuts": self.second_cuts,
            "unbootable": self.unbootable,
            "lost": self.lost,
            "examples": self.examples,
        }


class _Cutter:
    """One scenario, cut everywhere."""

    def __init__(self, scenario: "Scenario", seed: int, every: int, second: int) -> None:
        self._scenario = scenario
        self._seed = seed
        self._every = every
        self._second = second
        self._noise = Noise(seed)
        self._until_second = second
        self.tally = Tally()

    def replay(self, images: "list[Any]", tape: Tape, first: bool) -> None:
        """Judge every cut of a recorded run that began with `images`."""
        marks = list(tape.marks)
        for number, op in enumerate(tape.ops):
            wanted = number % self._every == 0
            index, kind, promise = op[0], op[1], op[5]
            before = images[index]
            while marks and marks[0][0] == number:
                mark = marks.pop(0)[1]
                if wanted:
                    self._judge(images, mark, first, "before %d" % number)
            if wanted:
                for tear in TEARS[kind]:
                    cut = before.after(op, tear, self._noise)
                    if cut is not None:
                        images[index] = cut
                        self._judge(images, promise, first, "%s at %d" % (tear, number))
            images[index] = before.after(op, WHOLE, self._noise)
            if wanted:
                self._judge(images, promise, first, "after %d" % number)
        for mark in marks:
            self._judge(images, mark[1], first, "at the end")

    def _judge(self, images: "list[Any]", promise: "Any", first: bool, where: str) -> None:
        tally = self.tally
        if first:
            tally.cuts += 1
        else:
            tally.second_cuts += 1
        try:
            complaints = self._scenario.check([image.device() for image in images], promise)
            if complaints:
                tally.lost += 1
        except Exception as error:
            tally.unbootable += 1
            complaints = ["%s: %s" % (type(error).__name__, error)]
        if complaints:
            if len(tally.examples) < _EXAMPLES:
                tally.examples.append("%s%s: %s" % ("" if first else "second cut, ", where, "; ".join(complaints)))
        elif first and self._second:
            self._until_second -= 1
            if not self._until_second:
                self._until_second = self._second
                self._recover(images, promise, where)

    def _recover(self, images: "list[Any]", promise: "Any", where: str) -> None:
        """Start from what the cut left, write, and cut that."""
        devices = [image.device() for image in images]
        tape = Tape(devices, promise)
        try:
            self._scenario.recover(devices, tape, self._seed)
        except Exception as error:
            self.tally.unbootable += 1
            self.tally.examples.append("recovery %s: %s: %s" % (where, type(error).__name__, error))
            return
        tape.close()
        self.replay(list(images), tape, False)


def cut_everywhere(scenario: "Scenario", seed: int = 1, every: int = 1, second: int = 0) -> Tally:
    """Record the scenario's run and cut it at every operation, or at each `every`-th.

    With `second`, each `second`-th cut is recovered from, and the recovery is cut everywhere too.
    """
    devices, promise = scenario.build(seed)
    images = [freeze(device) for device in devices]
    tape = Tape(devices, promise)
    scenario.run(devices, tape, seed)
    tape.close()
    cutter = _Cutter(scenario, seed, every, second)
    cutter.tally.operations = len(tape.ops)
    cutter.replay(images, tape, True)
    return cutter.tally
