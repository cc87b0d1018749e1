# SPDX-License-Identifier: Apache-2.0
"""An update, cut anywhere: install, trial, confirmation, failed trial and revert. Runs on both interpreters.

The promise is the versions that may run after a cut. Whatever is found must be a whole slot, and the loader must
start it. `InPlace` writes the new application over the one that runs, as a tool that copies files does: it must fail.
"""

import update_bench as bench

from podsteam_firmware.store import slots, update
from podsteam_loader import record
from podsteam_twin.files import FileStore
from podsteam_twin.flash import Flash
from podsteam_twin.loading import fill
from podsteam_twin.powercut import mounted
from podsteam_twin.rng import Rng

OLD, NEW = "0.1.0", "0.2.0"
_BLOCKS = 40


class UpdateScenario:
    """Even seeds confirm the new application, odd ones let its trial fail three times."""

    def __init__(self, packages) -> None:
        self._packages = packages

    def build(self, seed: int):
        flash = Flash(_BLOCKS)
        files = FileStore(flash)
        fill(files, "a", OLD, b"old application" * (20 + seed % 7))
        assert files.file_write("update_key", self._packages["key"])
        if seed % 3 == 0:
            # The other slot holds something older, as after an earlier update.
            fill(files, "b", "0.0.5", b"older still" * 50)
        bench.start(files)
        return [flash], (OLD,)

    def run(self, devices, tape, seed: int) -> None:
        files = mounted(devices[0])
        chunk = 64 + Rng(seed).bits(8)
        tape.promise = (OLD, NEW)
        done = bench.send(files, record.A, self._packages["new"], chunk)
        assert done.stage == update.STAGE_READY
        if seed % 2 == 0:
            assert bench.start(files) == record.B
            assert slots.confirm(files, files, record.B)
            tape.promise = (NEW,)
            assert bench.start(files) == record.B
        else:
            for i in range(3):
                assert bench.start(files, record.B if i else record.NONE) == record.B
            assert bench.start(files, record.B) == record.A
            tape.promise = (OLD,)

    def check(self, devices, promise):
        files = mounted(devices[0])
        slot = bench.start(files)
        if slot == record.NONE:
            return ["safe mode"]
        # The loader starts nothing that it has not read whole.
        found = bench.version(files, slot)
        return [] if found in promise else ["%s runs, not one of %s" % (found, promise)]

    def recover(self, devices, tape, seed: int) -> None:
        """Start, and the same update once more, to its end."""
        files = mounted(devices[0])
        slot = bench.start(files)
        tape.promise = (OLD, NEW)
        found = slots.read_record(files)
        if found is not None and found[1] == slot:
            slots.confirm(files, files, slot)
        elif bench.version(files, slot) == OLD:
            bench.send(files, slot, self._packages["new"], 200)
        bench.start(files)


class InPlace(UpdateScenario):
    """The control: every file of the running slot replaced one after the other, the manifest last."""

    def run(self, devices, tape, seed: int) -> None:
        files = mounted(devices[0])
        tape.promise = (OLD, NEW)
        fill(files, "a", NEW, b"the new application" * 60)
        tape.promise = (NEW,)

    def recover(self, devices, tape, seed: int) -> None:
        bench.start(mounted(devices[0]))
