# SPDX-License-Identifier: Apache-2.0
"""What is cut: one entry for each thing that the device stores. Runs on both interpreters."""

import cut_stores as stores
from cut_doses import DoseScenario, LedgerScenario, TagScenario, tag_states
from cut_files import FileScenario, through_the_door

from podsteam_twin.files import FileStore
from podsteam_twin.flash import Flash


def formatted(blocks: int) -> Flash:
    """A flash as the device is delivered with: its file system is on it."""
    flash = Flash(blocks)
    FileStore(flash)
    return flash


def small_flash() -> list[Flash]:
    return [formatted(32)]


def large_flash() -> list[Flash]:
    return [formatted(64)]


def whole_flash() -> list[Flash]:
    return [formatted(64), Flash(LedgerScenario.SECTORS)]


class Entry:
    """A scenario and how much of it is run: in `make test` seed 1 with every `every`-th operation, in `make fuzz` all
    operations with `seeds` seeds; each `second`-th cut is recovered from and cut again. `only`: the one interpreter
    that can run it."""

    def __init__(self, scenario, every: int, seeds: int, second: int, only: str = "") -> None:
        self.scenario = scenario
        self.every = every
        self.seeds = seeds
        self.second = second
        self.only = only


TAG_STATES = tag_states()
SCENARIOS = {
    "boot": Entry(FileScenario(whole_flash, stores.live_device, stores.look_device, 3, 4), 5, 6, 40),
    "boot record": Entry(FileScenario(small_flash, stores.live_boot_record, stores.look_boot_record, 12, 2), 2, 20, 20),
    "parameters": Entry(FileScenario(small_flash, stores.live_params, stores.look_params, 24, 4), 2, 30, 10),
    "identity": Entry(FileScenario(small_flash, stores.live_identity, stores.look_identity, 6, 1), 2, 12, 60),
    "programs": Entry(FileScenario(small_flash, stores.live_programs, stores.look_programs, 24, 6), 2, 8, 20),
    "latch": Entry(FileScenario(small_flash, stores.live_latch, stores.look_latch, 24, 2), 1, 24, 5),
    "journal": Entry(FileScenario(large_flash, stores.live_journal, stores.look_journal, 4, 15), 4, 6, 20),
    "files of the ESP32": Entry(
        FileScenario(small_flash, stores.live_files, stores.look_files, 30, 6, through_the_door),
        3,
        6,
        40,
        "micropython",
    ),
    "ledger": Entry(LedgerScenario(140), 3, 12, 20),
    "doses": Entry(DoseScenario(), 1, 22, 1),
    "tag": Entry(TagScenario(TAG_STATES), 1, len(TAG_STATES), 1),
}
