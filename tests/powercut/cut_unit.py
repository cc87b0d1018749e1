# SPDX-License-Identifier: Apache-2.0
"""The whole firmware started on given memories, on a simulated board at rest. Runs on both interpreters."""

from podsteam_firmware.loop import Loop
from podsteam_firmware.session.program import GENTLE
from podsteam_protocol import messages as m
from podsteam_twin.board import BoardHal
from podsteam_twin.flash import Flash
from podsteam_twin.world import World

_WORLD: list[World] = []
_NO_RING = Flash(0)


class Unit:
    """One start of the firmware. All share one world: its boiler is cold and its holder empty."""

    def __init__(self, files, ring=None) -> None:
        """`ring`: the flash of the ledger's partition; without it the board has none."""
        if not _WORLD:
            _WORLD.append(World({}))
        self._world = _WORLD[0]
        self._world.files = files
        self._world.ring = ring or _NO_RING
        self._loop = Loop(BoardHal(self._world, m.RESET_POWER_ON))
        self.core = self._loop.core

    def turns(self, ticks: int) -> None:
        """Let it tick."""
        until_us = self._world.t_us + ticks * 50_000
        while self._world.t_us < until_us:
            self._world.limit_us = until_us
            self._loop.turn()

    def record(self, chance) -> None:
        """The record of a session, by the journal's own calls: written in one to three parts."""
        core = self.core
        session = core.session
        journal = core.journal
        session.arm(core.now_ms, GENTLE, False)
        journal.begin()
        for _ in range(1 + chance.bits(1)):
            for _ in range(2 + chance.bits(2)):
                core.events.emit(m.EVENT_DOSE_RESULT, chance.bits(8), chance.bits(16))
                session.session_ms += 60_000
                journal.pump(False)
            journal.pump(True)
        journal.end()
        journal.pump(True)

    def shot(self, nl: int) -> None:
        """A dose, as the doser's book has it."""
        while self.core.ledger.prepare():
            pass
        book = self.core.book
        book.session = self.core.session.number
        assert book.intent(nl, 1)
        book.result(m.DOSE_GIVEN, nl)
