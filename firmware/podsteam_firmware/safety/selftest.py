# SPDX-License-Identifier: Apache-2.0
"""The self-test: at power-on, before each heat, and a little of it in every tick of a session.

In the spirit of the table of IEC 60730-1 Annex H for class B; a reference, not a claim. What is tested, when, what it
covers and what it cannot:

* MEMORY, every tick one word of a scratch area, all at power-on: a cell keeps 0x55, 0xAA and its own address. Covers
  stuck bits there and in the way to it. Not the rest of the RAM, which Python cannot address: the variables that
  decide are kept twice instead, once inverted (`supervisor`, `budget`).
* ARITHMETIC, once in 64 ticks: known answers of multiplication, division, shifts, the wrap of time and the
  supervisor's own table. Covers an interpreter or a table that is broken. Not the registers one by one.
* SEQUENCE, once in 64 ticks: each stage that is skipped spoils a tick. Covers the checkpoints that gate the relay's
  heartbeat and the watchdog. The watchdog itself is the chip's task watchdog and is not tested.
* RANGES and LOAD, at power-on: an open and a hot sensor, a missing and a forbidden current are found by detectors made
  for it, which share the code of the real ones.
* SENSORS, before heat: all readings and the reference are in range. COIL: the valve's coil is off. MAINS: they are
  there. Shown here; what follows from them is the supervisor's and the doser's, which let a single wrong reading pass.
* RELAY, before heat and at its end: no current while the relay is open (`weld`).
* LEDGER, before heat: there is room for records. Without it a fault cannot be written down while hot, only when the
  relay is open, and nothing is dosed: told, no reason not to heat. Not at power-on: a new unit makes room only then.
* Program memory is checked by the loader before it starts an application: SHA-256 of each file. Not again while it
  runs.
* The clock is held against the mains (`clock`), and the converter against its reference and its noise (`frozen`).
"""

from array import array

from podsteam_firmware.safety.celsius import cdeg
from podsteam_firmware.safety.checkpoint import STAGES, Checkpoints
from podsteam_firmware.safety.load import Load
from podsteam_firmware.safety.ranges import Ranges
from podsteam_firmware.signals import Inputs
from podsteam_firmware.ticks import add, diff
from podsteam_protocol.const import const
from podsteam_protocol.messages import CODE_ELEMENT_OPEN, CODE_OVER_TEMPERATURE, CODE_SSR_WELDED, CODE_WATER_OPEN

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.safety.supervisor import Supervisor

MEMORY = const(0)
"""Number of the check: its bit in `done` and `failed`, and the place of its reading; likewise below."""
ARITHMETIC = const(1)
SEQUENCE = const(2)
RANGES = const(3)
LOAD = const(4)
SENSORS = const(5)
COIL = const(6)
MAINS = const(7)
RELAY = const(8)
LEDGER = const(9)
CHECKS = const(10)
STOPS = const(287)
"""Bits of the checks that forbid heat: MEMORY to LOAD, and RELAY."""
_TICK = const(7)
"""Bits of those that run in every tick: MEMORY to SEQUENCE."""
_WORDS = const(16)
_ROUND = const(64)
_ARITHMETIC_TURN = const(20)
_SEQUENCE_TURN = const(40)
_LAST_MS = const(1073741823)
_115_UV = const(434921)
_ODD = const(12345)


class SelfTest:
    """The checks and their results, as bits and numbers. Nothing allocates but `power_on`."""

    def __init__(self) -> None:
        self.done = 0
        """Bits of the checks that have run."""
        self.failed = 0
        """Bits of those that did not pass when they ran last."""
        self.readings = array("i", (0 for _ in range(CHECKS)))
        """What decided each check: the word or answer that was wrong, the reading in uV, the code that came."""
        self._scratch = array("i", (0 for _ in range(_WORDS)))
        self._checkpoints = Checkpoints()
        self._turn = 0

    def power_on(self) -> int:
        """Everything that needs no hardware. Returns the bits that forbid heat."""
        wrong = -1
        for i in range(_WORDS):
            if not self._word(i):
                wrong = i
        self._note(MEMORY, wrong < 0, wrong)
        self._arithmetic()
        self._sequence()
        self._ranges()
        self._load()
        return self.failed & STOPS

    def before_heat(self, inputs: "Inputs", supervisor: "Supervisor", room: int) -> int:
        """What the hardware shows now, before the relay may close; `room`: records that the ledger can take. Returns
        the bits that forbid heat."""
        self._note(SENSORS, supervisor.sound(), inputs.reference_uv)
        self._note(COIL, not inputs.coil_on, inputs.coil_pulses)
        self._note(MAINS, not supervisor.mains_lost, inputs.mains_uv)
        self._note(RELAY, supervisor.weld.passed, supervisor.weld.detail)
        self._note(LEDGER, room > 0, room)
        return self.failed & STOPS

    def step(self) -> int:
        """A little of the test, in every tick. Returns the bits of what failed of it."""
        turn = self._turn
        self._turn = turn + 1 if turn + 1 < _ROUND else 0
        if turn < _WORDS:
            if not self._word(turn):
                self._note(MEMORY, False, turn)
        elif turn == _ARITHMETIC_TURN:
            self._arithmetic()
        elif turn == _SEQUENCE_TURN:
            self._sequence()
        return self.failed & _TICK

    def _note(self, check: int, passed: bool, reading: int) -> None:
        bit = 1 << check
        self.done |= bit
        self.readings[check] = reading
        if passed:
            self.failed &= ~bit
        else:
            self.failed |= bit

    def _word(self, i: int) -> bool:
        scratch = self._scratch
        scratch[i] = 0x15555555
        kept = scratch[i] == 0x15555555
        scratch[i] = 0x2AAAAAAA
        kept = kept and scratch[i] == 0x2AAAAAAA
        # Its neighbours still hold their own addresses, unless two places are one.
        scratch[i] = ~i
        return kept and scratch[i] == ~i and (self.done & 1 == 0 or scratch[i - 1] == ~((i - 1) & 15))

    def _arithmetic(self) -> None:
        answer = 0
        if _ODD * 54321 // _ODD != 54321 or -7 // 2 != -4 or -7 % 3 != 2:
            answer = 1
        elif _ODD << 5 >> 3 != 49380 or ~_ODD != -12346 or _ODD ^ 255 != 12486:
            answer = 2
        elif add(_LAST_MS, 3) != 2 or diff(2, _LAST_MS) != 3:
            answer = 3
        elif cdeg(_115_UV) != 11500:
            answer = 4
        self._note(ARITHMETIC, answer == 0, answer)

    def _sequence(self) -> None:
        answer = 0
        for skipped in range(STAGES + 1):
            if self._whole(skipped) != (skipped == 0):
                answer = skipped + 1
        self._note(SEQUENCE, answer == 0, answer)

    def _whole(self, skipped: int) -> bool:
        """Whether a tick without stage `skipped` (0: with all of them) passes."""
        checkpoints = self._checkpoints
        checkpoints.begin()
        for stage in range(1, STAGES + 1):
            if stage != skipped:
                checkpoints.mark(stage)
        return checkpoints.passed()

    def _ranges(self) -> None:
        ranges = Ranges()
        inputs = Inputs()
        inputs.reference_uv = 1250000
        inputs.wall_uv = inputs.outlet_uv = 1000000
        inputs.water_uv = 2500000
        code = ranges.step(inputs) or ranges.step(inputs)
        good = code == 0 and ranges.step(inputs) == CODE_WATER_OPEN
        inputs.wall_uv = 200000
        inputs.water_uv = 1000000
        code = ranges.step(inputs) or ranges.step(inputs)
        self._note(RANGES, good and code == CODE_OVER_TEMPERATURE, code)

    def _load(self) -> None:
        load = Load()
        inputs = Inputs()
        code = load.step(inputs, True)
        inputs.load_halves = 9
        good = code == 0 and load.step(inputs, True) == CODE_SSR_WELDED
        inputs.burst_halves = 40
        code = load.step(inputs, True)
        self._note(LOAD, good and code == CODE_ELEMENT_OPEN, code)
