# SPDX-License-Identifier: Apache-2.0
"""The energy balance of a heat-up and the coast after it: what it shows of metal, water and losses.

    E = Cm (Tw - Tw0) + Cl (Tl - Tl0) + UA integral of (T - room)

At the start only the metal takes heat, on the ramp both do, while coasting the metal gives to the water, and then
only the losses are left: together that tells the three apart by least squares. Sensors and element lag, so the
equation is taken through filters that make all its parts lag alike: wall (or water) by `a`, the energy by twice d / 2.
What metal and losses are believed to be (`Settings`) weighs as much as an error of 45 J/K and of 0.06 W/K against a
residual of 150 J, or of 0.75 % of the energy, so that a short coast leaves the losses where they were.

Wall, water and energy are kept in 96 places: steps of 100 ms in means of two at first; when all places are full they
are joined in pairs. Units: 0.01 K, 4 J, 0.1 s.
"""

from array import array

from podsteam_firmware.heat.fixed import isqrt
from podsteam_firmware.heat.fixed24 import div24, mul24
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.heat.settings import Settings
    from podsteam_firmware.sense import Sense

_PLACES = const(96)
_TOP = const(1535)
"""Largest value of a column in the sums: 96 of its squares stay below 2^28."""
_UNIT_DWMS = const(40000)
"""4 J in 0.1 W x ms."""
WORST = const(536870912)
"""Residual of what no boiler does."""
_X_MAX = const(262143)
_LOSS_TOP = const(8000000)
_RATIO_MAX = const(67108863)
"""Unknowns above 4 are no boiler's."""
_METAL_WEIGHT = const(111111)
"""(150 J / 45 J/K)^2, in (0.01 K)^2."""
_LOSS_WEIGHT = const(250000)
"""150 J / 0.06 W/K, in 0.01 K s."""
_LOSS_WEIGHT_MAX = const(8000)
_SURE = const(5000)
"""20 kJ, in 4 J: beyond it the residual to be expected is 0.75 % of the energy."""
_WATER_MIN_J_K = const(25)
_NO_BOILING_MC = const(93000)
_ANY_MC = const(300000)
_APART_MIN_CK = const(300)
"""Wall over water at the start of the coast, and what of it must be gone at its end."""


class Balance:
    """The record of one heat-up, and the equation. `begin`, `take` every 100 ms, `evaluate` when there is enough."""

    def __init__(self, settings: "Settings") -> None:
        self.settings = settings
        self.taken = 0
        """Energy since the beginning, 4 J."""
        self.count = 0
        """Places used, at most 96."""
        self._wall = array("h", bytes(2 * _PLACES))
        self._water = array("h", bytes(2 * _PLACES))
        self._energy = array("h", bytes(2 * _PLACES))
        # Sums of products of wall, water, loss and energy: ww wl wi we ll li le ii ie ee.
        self._s = array("i", bytes(40))
        self._q = array("i", bytes(20))
        self._steps = 2
        self._in_place = 0
        self._wall_sum = 0
        self._water_sum = 0
        self._energy_sum = 0
        self._rest = 0
        self._wall_0 = 0
        self._water_0 = 0
        self._room_mc = 0
        # Of the evaluation.
        self._fw = 0
        self._fl = 0
        self._fe = 0
        self._ff = 0
        self._kw = 0
        self._kl = 0
        self._ke = 0
        self._i = 0
        self._shift_t = 0
        self._shift_i = 0
        self._shift_e = 0
        self._doubt = 16
        self._x1 = 0
        self._x2 = 0
        self._x3 = 0
        # Of the coast: wall over water at its start and last, 0.01 K, and the sum of it.
        self._high = 0
        self._low = 0
        self._area = 0
        self._fell_places = 0

    def begin(self, sense: "Sense") -> None:
        """From this reading, with no energy taken yet."""
        self._wall_0 = sense.wall_mc
        self._water_0 = sense.water_mc
        self._room_mc = sense.outlet_mc
        self.count = 0
        self.taken = 0
        self._steps = 2
        self._rest = 0
        self._empty()

    def take(self, sense: "Sense", elapsed_ms: int) -> None:
        """Add the power and the readings of the last `elapsed_ms` (0 to 1000)."""
        self._rest += sense.power_dw * elapsed_ms
        self.taken += self._rest // _UNIT_DWMS
        self._rest %= _UNIT_DWMS
        self._wall_sum += sense.wall_mc - self._wall_0
        self._water_sum += sense.water_mc - self._water_0
        self._energy_sum += self.taken
        self._in_place += 1
        if self._in_place < self._steps:
            return
        if self.count == _PLACES:
            self._join()
            return
        self._wall[self.count] = plausible(self._wall_sum // (10 * self._steps))
        self._water[self.count] = plausible(self._water_sum // (10 * self._steps))
        self._energy[self.count] = max(0, min(self._energy_sum // self._steps, 32767))
        self.count += 1
        self._empty()

    def _empty(self) -> None:
        self._in_place = 0
        self._wall_sum = 0
        self._water_sum = 0
        self._energy_sum = 0

    def _join(self) -> None:
        """The places are full: two become one. What was just gathered is half of the next."""
        for i in range(_PLACES // 2):
            self._wall[i] = (self._wall[2 * i] + self._wall[2 * i + 1]) >> 1
            self._water[i] = (self._water[2 * i] + self._water[2 * i + 1]) >> 1
            self._energy[i] = (self._energy[2 * i] + self._energy[2 * i + 1]) >> 1
        self.count = _PLACES // 2
        self._steps *= 2

    def water_rise_ck(self) -> int:
        """How much warmer the water's sensor has become, 0.01 K."""
        return self._water[self.count - 1] if self.count else 0

    def settled_mc(self) -> int:
        """Where the boiler settles without more power, by the newest evaluation."""
        capacity = max(self.metal_j_k(), 0) + max(self.water_j_k(), _WATER_MIN_J_K)
        return (self._wall_0 + self._water_0) // 2 + self.taken * 4000 // capacity

    def far(self, cost_j2: int) -> int:
        """A cost in J^2 in the unit of `evaluate`, in proportion to how large a residual is to be expected."""
        return (cost_j2 >> 4) * (self._doubt * self._doubt) >> (8 + 2 * self._shift_e)

    # The equation -----------------------------------------------------------------------------------------
    def evaluate(self, a: int, d: int) -> int:
        """Least squares with wall or water lagging by `a` and the energy by `d`, 0.1 s: sum of squares that is left."""
        self._scale()
        self._filters(a, d)
        for i in range(10):
            self._s[i] = 0
        for i in range(self.count):
            self._filter(i)
            self._sum()
        self._expect()
        return self._solve()

    def _scale(self) -> None:
        """By how many bits the columns must shrink. Energy and loss are largest at the end."""
        highest = 1
        for i in range(self.count):
            highest = max(highest, abs(self._wall[i]), abs(self._water[i]))
        self._shift_t = bits_over(highest)
        self._shift_e = bits_over(self._energy[self.count - 1])
        self._shift_i = bits_over((highest + abs(self._water_0 - self._room_mc) // 10 + 1) * self.count)

    def _filters(self, a: int, d: int) -> None:
        """Gains of the filters, x 4096: dt / (tau + dt / 2)."""
        self._fw = 0
        self._fl = 0
        self._fe = 0
        self._ff = 0
        self._i = 0
        self._kw = gain12(max(a, 0), self._steps)
        self._kl = gain12(max(-a, 0), self._steps)
        self._ke = gain12(d // 2, self._steps)

    def _filter(self, i: int) -> None:
        """One place: wall and water x 16, energy x 4, and the loss so far in 0.01 K x places."""
        self._fw += ((self._wall[i] << 4) - self._fw) * self._kw >> 12
        self._fl += ((self._water[i] << 4) - self._fl) * self._kl >> 12
        self._fe += ((self._energy[i] << 2) - self._fe) * self._ke >> 12
        self._ff += (self._fe - self._ff) * self._ke >> 12
        # Three quarters of the losses are the water's.
        self._i += (3 * self._fl + self._fw >> 6) + (self._water_0 - self._room_mc) // 10

    def _sum(self) -> None:
        """Add the products of one place."""
        s = self._s
        w = self._fw >> (4 + self._shift_t)
        t = self._fl >> (4 + self._shift_t)
        i = self._i >> self._shift_i
        e = self._ff >> (2 + self._shift_e)
        s[0] += w * w
        s[1] += w * t
        s[2] += w * i
        s[3] += w * e
        s[4] += t * t
        s[5] += t * i
        s[6] += t * e
        s[7] += i * i
        s[8] += i * e
        s[9] += e * e

    def _expect(self) -> None:
        """What is known beforehand of metal and losses, as more rows of the equation."""
        s = self._s
        self._doubt = max(16, min(64, self.taken * 16 // _SURE))
        weight = (_METAL_WEIGHT * self._doubt * self._doubt >> 8) >> (2 * self._shift_t)
        # x = C x 0.01 K x 2^shift / 4 J.
        x = (self.settings.metal_j_k << (8 + self._shift_t)) // (400 << self._shift_e)
        s[0] += weight
        s[3] += weight * x >> 8
        s[9] += (weight * x >> 8) * x >> 8
        # One of the loss column is `unit` x 0.01 K s; x = UA x unit x 0.01 K s / 4 J, x 16384.
        unit = max((self._steps << self._shift_i) // 10, 1)
        weight = min(_LOSS_WEIGHT // unit * self._doubt >> 4, _LOSS_WEIGHT_MAX)
        x = (self.settings.loss_mw_k * unit << 4) // (400 << self._shift_e) * 1024 // 1000
        s[7] += weight * weight
        # At most 2^26, whatever `unit`: a large one has little weight.
        x *= weight
        s[8] += (x >> 10) * weight >> 4
        s[9] += (x >> 11) * (x >> 11) >> 6

    def _solve(self) -> int:
        """Elimination (L D L'), then the three unknowns, x 2^24; the residual's sum of squares."""
        s = self._s
        if s[0] <= 0 or not self._first(s) or s[4] <= 0 or not self._second(s) or s[7] <= 0:
            return WORST
        self._x3 = max(-_RATIO_MAX, min(_RATIO_MAX, div24(s[8], s[7])))
        s[9] -= mul24(s[8], self._x3)
        self._back(self._q)
        return max(s[9], 0)

    def _back(self, q: "array[int]") -> None:
        """The other two unknowns from the third."""
        self._x2 = q[4] - mul24(self._x3, q[3])
        self._x1 = q[2] - mul24(self._x2, q[0]) - mul24(self._x3, q[1])

    def _first(self, s: "array[int]") -> bool:
        """The wall's part out of the other rows; False for what no boiler does."""
        q = self._q
        q[0] = div24(s[1], s[0])
        q[1] = div24(s[2], s[0])
        q[2] = div24(s[3], s[0])
        if max(abs(q[0]), abs(q[1]), abs(q[2])) > _RATIO_MAX:
            return False
        s[4] -= mul24(s[1], q[0])
        s[5] -= mul24(s[2], q[0])
        s[6] -= mul24(s[3], q[0])
        s[7] -= mul24(s[2], q[1])
        s[8] -= mul24(s[3], q[1])
        s[9] -= mul24(s[3], q[2])
        return True

    def _second(self, s: "array[int]") -> bool:
        """The water's part out of the last two."""
        q = self._q
        q[3] = div24(s[5], s[4])
        q[4] = div24(s[6], s[4])
        if max(abs(q[3]), abs(q[4])) > _RATIO_MAX:
            return False
        s[7] -= mul24(s[5], q[3])
        s[8] -= mul24(s[6], q[3])
        s[9] -= mul24(s[6], q[4])
        return True

    def _capacity(self, x: int) -> int:
        """J/K that an unknown stands for: x 4 J / 0.01 K."""
        return (x >> 8) * 400 >> (16 + self._shift_t - self._shift_e)

    def metal_j_k(self) -> int:
        """Heat capacity of element and wall, J/K."""
        return self._capacity(self._x1)

    def water_j_k(self) -> int:
        """Heat capacity of the water, J/K."""
        return self._capacity(self._x2)

    def loss_mw_k(self) -> int:
        """Loss to the room, mW/K: the third unknown x 4 J / (0.001 K s x places), 1,000 / 65,536 = 125 / 8,192."""
        x = max(-_X_MAX, min(_X_MAX, self._x3 >> 8)) * 4000 >> (self._shift_i - self._shift_e)
        return max(-_LOSS_TOP, min(_LOSS_TOP, x // self._steps)) * 125 >> 13

    def residual_j(self) -> int:
        """Root mean square of what the newest evaluation left, J."""
        return isqrt(max(0, min(self._s[9], 33554431)) * 16 // max(self.count, 1)) << self._shift_e

    def fall_ds(self, a: int, d: int, off_ds: int) -> int:
        """Lag from wall to water, T2, 0.1 s, from the coast that began at `off_ds`: the area under the
        difference of wall and water while it falls, over the fall. 0: it did not."""
        off_ds = (off_ds + d + 10) // self._steps
        # A wall above the boiling point boils the water next to it, and falls faster than it would in HOLD.
        self._filters(a, d)
        self._coast(off_ds, _NO_BOILING_MC)
        if not self._fallen():
            self._filters(a, d)
            self._coast(off_ds, _ANY_MC)
        if not self._fallen():
            return 0
        a = max(self._high - self._low + self._drift_ck(), _APART_MIN_CK // 2)
        return (self._area - self._low // 2) * self._steps // a

    def _fallen(self) -> bool:
        """Whether the difference was large enough, and has changed enough."""
        return self._high >= _APART_MIN_CK and self._high - self._low >= _APART_MIN_CK

    def _drift_ck(self) -> int:
        """What the losses alone keep wall and water apart, in the unit of the fall, 0.01 K: they cool the water at
        three quarters of UA theta / Cl, and the metal at one of UA theta / Cm."""
        metal = min(self.metal_j_k(), 5000)
        water = min(self.water_j_k(), 5000)
        if metal <= 0 or water <= 0:
            return 0
        # (3 Cm - Cl) / (Cm Cl), x 65,536; then x loss x time, which is in tenths of a second.
        water = 3 * 65536 // water - 65536 // metal
        return (water * self._lost() >> 8) * min(self._fell_places * self._steps, 3000) // 2560

    def _lost(self) -> int:
        """A quarter of UA x theta at the end of the record, 0.01 W."""
        over_ck = (self._fl >> 4) + (self._water_0 - self._room_mc) // 10
        return max(0, min(self.loss_mw_k(), 1000)) * max(0, min(over_ck, 12000)) // 4000

    def _coast(self, first: int, below_mc: int) -> None:
        """Add up the difference from place `first` on, once the wall is colder than this, until a quarter is left."""
        self._high = 0
        self._low = 0
        self._fell_places = 0
        below_ck = (below_mc - self._wall_0) // 10
        for i in range(self.count):
            self._filter(i)
            if i < first or (self._fell_places == 0 and self._fw >> 4 > below_ck):
                continue
            if self._fell(self._fell_places == 0):
                return

    def _fell(self, first: bool) -> bool:
        """One place of the coast more; True when the difference has fallen to a quarter."""
        self._low = self._fw - self._fl >> 4
        self._fell_places += 1
        if first:
            self._high = self._low
            self._area = -self._low // 2
        self._area += self._low
        return self._low < self._high // 4


def plausible(rise_ck: int) -> int:
    """A rise that a boiler may show, -30 to 127 K, so that a jump of a sensor overflows no filter."""
    return max(-3000, min(12700, rise_ck))


def bits_over(value: int) -> int:
    """By how many bits a value must shrink to be no more than `_TOP`."""
    bits = 0
    while value >> bits > _TOP:
        bits += 1
    return bits


def gain12(lag_ds: int, step_ds: int) -> int:
    """Gain of a filter of this time constant at this step, x 4096."""
    return min(step_ds * 8192 // (2 * lag_ds + step_ds), 4096)
