# SPDX-License-Identifier: Apache-2.0
"""How much flash a year of daily use takes, and that none is erased while the relay is closed."""

import base64
from collections.abc import Callable
from typing import Any

from podsteam_twin import launch
from podsteam_twin.files import FileStore
from podsteam_twin.flash import Flash
from scenarios import PRESS, SCENARIOS, play

DAYS = 8
DAY_S = 340.0
KEPT = 16
"""Records that the device keeps: from then on every session also removes one."""
SLOTS = 128
"""Records of the ledger in a sector of its ring."""
PER_YEAR = 10_000
"""A sector stands 100,000 erases: ten years, if all of them fell on one and the same."""

RecordFigure = Callable[[str, float, str, str, bool, str], None]


def one_day(day: int, images: dict[str, Any]) -> tuple[dict[str, Any], int, int]:
    """The button once, on a device that was off over night: its images, erases of the files, records of the ledger."""
    kept = {key: images[key] for key in ("uid", "flash", "ring") if key in images}
    twin = launch.LocalTwin({"seed": 100 + day, "podlet": "demo", "unix_s": 1_790_000_000 + day * 86_400, **kept})
    play(twin, [(2.0, PRESS)], DAY_S)
    truth = twin.control({"do": "state"})
    assert truth["crashes"] == [] and truth["hot_erases"] == 0
    assert truth["session"] > 0 and truth["delivered_nl"] > 100_000
    return twin.control({"do": "images"}), truth["erases"], sum(twin.machine.world.ring.progs)


def filled(image: str) -> str:
    """A flash with as many records as the device keeps, copies of the one that is there."""
    flash = Flash()
    flash.load(base64.b64decode(image))
    files = FileStore(flash)
    ((name, size),) = files.file_list("records")
    record = files.file_read(f"records/{name}", size)
    assert record
    for number in range(2, KEPT + 1):
        assert files.file_append(f"records/{number:05}", record)
    return base64.b64encode(flash.image()).decode()


def test_wear_of_daily_use(record_figure: RecordFigure) -> None:
    images, _, _ = one_day(0, {})
    images["flash"] = filled(images["flash"])
    erases = records = 0
    for day in range(1, DAYS + 1):
        images, of_files, of_ledger = one_day(day, images)
        erases += of_files
        records += of_ledger
    per_session = erases / DAYS + records / DAYS / SLOTS
    per_year = round(per_session * 365)
    context = (
        f"files {erases / DAYS:.3g}, ledger {records / DAYS:.3g} records of {SLOTS} in a sector; mean of {DAYS} "
        f"sessions of the built-in program, started by the button, with {KEPT} records on the device"
    )
    bar = PER_YEAR / 365
    record_figure(
        "store/erases_per_session", round(per_session, 2), "sectors", f"<= {bar:.0f}", per_session <= bar, context
    )
    context = "one session a day; a sector stands 100,000: ten years, if all fell on one"
    record_figure("store/erases_per_year", per_year, "sectors", f"<= {PER_YEAR:,}", per_year <= PER_YEAR, context)
    assert 0 < per_year <= PER_YEAR


def test_no_erase_while_hot(record_figure: RecordFigure) -> None:
    hot = erases = 0
    for interpreter in ("cpython", "micropython"):
        for _, options, script, seconds in SCENARIOS:
            twin = launch.start(interpreter=interpreter, unix_s=0, **{"podlet": None, **options})
            try:
                play(twin, script, seconds)
                truth = twin.control({"do": "state"})
            finally:
                twin.close()
            hot += truth["hot_erases"]
            erases += truth["erases"] + truth["ring_erases"]
    context = (
        f"flash erases while the relay was closed, of {erases} in {len(SCENARIOS)} scenarios on both interpreters; "
        "the bench under the other tests of sessions asserts it too"
    )
    record_figure("safety/erase_hot", hot, "", "0", hot == 0, context)
    assert erases > 50
    assert hot == 0
