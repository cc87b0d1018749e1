# SPDX-License-Identifier: Apache-2.0
"""Each cell of the table of pause, resume, stop, crash and power loss, played; and the table in the document."""

from typing import Any

import dose_table
import pytest
from dose_life import DoseLife

from podsteam_firmware.dose.book import INTENT, RESULT
from podsteam_protocol import messages as m

CELLS = [(event, state) for event in dose_table.events() for state in dose_table.STATES]
NUMBERS = {"waiting": 1, "writing": 2, "ready": 3, "pulsing": 4}


def test_the_document_shows_the_table() -> None:
    document = dose_table.DOCUMENT.read_text(encoding="utf-8")
    assert dose_table.placed(document) == document, "run python tests/dose/dose_table.py"


def happen(life: DoseLife, what: str) -> None:
    if what == "pause":
        life.pause()
    elif what == "stop":
        life.stop()
    elif what == "latch":
        life.latch = False
    elif what == "steam":
        life.steam_ok = False
    elif what == "outlet":
        life.outlet_cdeg = 2900
    elif what == "remove":
        life.remove()
    elif what == "swap":
        life.insert(1)
    elif what == "reset":
        life.reset()
    else:
        life.cut(0, 0, 5)


def mend(life: DoseLife, what: str) -> None:
    """The condition is right again; what ends the schedule is tried to be undone as well, and must not be."""
    if what == "pause":
        life.pause()
    elif what == "remove":
        life.insert(0)
    life.latch = life.steam_ok = True
    life.outlet_cdeg = 4500


def results(life: DoseLife) -> list[tuple[int, int]]:
    """(what became of it, nL) for each shot in the book."""
    entries = list(life.ledger.entries())
    found = {entry[5]: (entry[4], entry[3]) for entry in entries if entry[1] == RESULT}
    return [found[entry[0]] for entry in entries if entry[1] == INTENT]


@pytest.mark.parametrize(("event", "state"), CELLS, ids=[f"{e['name']}, {s}" for e, s in CELLS])
def test_a_cell(event: dict[str, Any], state: str) -> None:
    what, _, tag = event[state].partition(" ")
    life = DoseLife(3)
    podlet = life.podlets[0]
    life.idle(1)
    life.insert(0)
    life.start(2, 20, 3, 0)
    while life.doser.state != NUMBERS[state] or (state == "pulsing" and not life.open_us):
        life.run(1)
    happen(life, event["does"])
    if what == "cut":
        life.run(1)
        assert not life.open_us, "the valve is closed at once"
    # A shot that is due waits for 10 s; one that is not comes due 2 s after the start, in steam.
    life.run(100 if event.get("mended") else 20 * 14)
    mend(life, event["does"])
    life.run(20 * 60)

    ends = event["schedule"] == "ends"
    begun = what in ("cut", "assumed", "given", "waits")
    assert life.shots == (1 if ends else 3) - (0 if begun else 1)
    kinds = [kind for kind, _ in results(life)]
    assert kinds[:1] == [m.DOSE_ASSUMED if what in ("cut", "assumed") else m.DOSE_GIVEN][: len(kinds)]
    assert all(kind == m.DOSE_GIVEN for kind in kinds[1:])
    assert all(nl == podlet.dose_nl for _, nl in results(life)), "counted whole"
    if tag == "maybe":
        assert podlet.used in (0, 1)
    else:
        assert podlet.used == life.shots + (1 if tag == "counted" else 0)
