# SPDX-License-Identifier: Apache-2.0
"""What process is it? Dead time and lags from the recorded response to a step of power, in integers.

A response that settles and one that ends in a ramp are treated alike: what counts is its beginning, weighted with
exp(-s t). With that weight the impulse response g has a mean, a variance and a third cumulant, and for a process of
lags T and a dead time L

    mean = L + sum T',  variance = sum T'^2,  third cumulant = 2 sum T'^3,  T' = T / (1 + s T)

because they are the derivatives of ln G(s) (the method of moments, here at s > 0 instead of s = 0, so that the record
need not settle). s is chosen so that s x mean = 1.7, which is about where a control loop round the process works; the
record must last 12 / s, for a ramp some 15 times dead time and second lag. A process of more than two lags is then
fitted once more where that matters most: dead time and gain are moved until the model agrees with the record at the
frequency at which it lags by 3.0 radians.

Numbers are fixed-point with 12 bits (times are in units of 1 / s) or 14 bits (weights, rotations); all products stay
below 2^30, because no record gets in that goes down as far as up. A noise of 0.1 % of the rise is no matter, one of
1.4 % is refused: there is no filter in here.
"""

from array import array

from podsteam_firmware.heat.fixed import atan14, div12, isqrt, mul12, mul14, ratio14
from podsteam_firmware.heat.observer import clamp
from podsteam_firmware.heat.rule import DEEP, ENDLESS_MS
from podsteam_protocol.const import const

SLOTS = const(128)
_ONE = const(4096)
_UNIT = const(16384)
_PI = const(12868)
_MEAN = const(27853)
"""1.7, s x mean, x 16384."""
_LAST = const(12)
"""s x length of the record at least: what comes later has no weight."""
_STEEPEST = const(8990)
"""Smallest weight of one sample against the one before: exp(-0.6)."""
_PHASE = const(12288)
"""3.0 radians."""
_SAFE_PERCENT = const(103)
"""Taken on top of the dead time, for what two lags cannot say of more."""
_RISE_MIN = const(200)
_FAST = const(93945856)
"""1.4 radians between two samples, x 2^26: a frequency that the record can still tell."""
_HALF_SCALE = const(2097152)
_TAIL_MAX = const(131071)
"""A rise by the whole scale in the last quarter of the record."""
_LEAST = const(2048)
"""A thousandth of the scale: a weight that leaves less of the record is too steep."""
_RATIO = const(31)
"""Moments over the whole, at most: two lags and a dead time come to 19 in the third."""
_MEAN_MOST = const(31334)
"""More than 1.7 x 9/8 where the search ended: noise."""
_RISE_MAX_MC = const(260000)
_NEAR = const(64)
"""1 - T' of a lag that is taken for endless: 1 / 64."""

_STEPS = const(13)
_SHRINK = const(9949)
"""Product of cos(atan(2^-i)), x 16384."""


class Record:
    """A response of any length in 128 places: when they are full, every second one is dropped."""

    def __init__(self) -> None:
        self.rise = array("i", bytes(4 * (SLOTS + 1)))
        """Reading less the first one, at equal distances."""
        self.count = 0
        """Places used, without the first."""
        self.period_ms = 0
        """Distance of the places."""
        self._first = 0
        self._skip = 0
        self._skipped = 0

    def begin(self, reading_mc: int, period_ms: int) -> None:
        """The step happens now, at this reading; `add` will be called every `period_ms`."""
        self._first = reading_mc
        self.count = 0
        self.period_ms = period_ms
        self._skip = 1
        self._skipped = 0

    def add(self, reading_mc: int) -> bool:
        """One reading more; True when all places are used: the time to look."""
        self._skipped += 1
        if self._skipped < self._skip:
            return False
        self._skipped = 0
        if self.count == SLOTS:
            self._halve()
            return False
        self.count += 1
        self.rise[self.count] = max(-_RISE_MAX_MC, min(_RISE_MAX_MC, reading_mc - self._first))
        return self.count == SLOTS

    def _halve(self) -> None:
        rise = self.rise
        for i in range(1, SLOTS // 2 + 1):
            rise[i] = rise[2 * i]
        self.count = SLOTS // 2
        self.period_ms *= 2
        self._skip *= 2
        # This reading is the first of two now.
        self._skipped = self._skip // 2


class Process:
    """The model. `identify` a record, then read it, if that said True."""

    def __init__(self) -> None:
        self.stiffness_dw_k = 0
        """Power that moves the reading by 1 K within a dead time or for ever, whichever is more: (T1 + L) / (K L),
        0.1 W/K."""
        self.lag_ms = 0
        """T1, ms; `ENDLESS_MS` for one that integrates."""
        self.second_ms = 0
        """T2, ms."""
        self.delay_ms = 0
        """L, ms."""
        self.mag = 0
        """Length that `_vector` found."""
        self.angle = 0
        """Angle that `_vector` found, radians x 4096; -pi to pi."""
        self._rise = array("i")
        self._count = 0
        self._shift = 0
        self._tail = 0
        self._keep = 0
        self._p0 = 0
        self._p1 = 0
        self._p2 = 0
        self._p3 = 0
        self._sigma = 0
        self._weight = 0
        self._mean = 0
        self._a = 0
        self._b = 0
        self._l = 0
        self._seen = 0

    def identify(self, record: Record, power_dw: int) -> bool:
        """Whether the record is long enough and rises as such a process does. `power_dw`: the step, 0.1 W."""
        self._rise = record.rise
        self._count = record.count
        if power_dw <= 0 or not self._begin() or not self._choose() or not self._lags():
            return False
        self._meet(max(self._frequency(), 1))
        self._tell(record.period_ms, power_dw)
        return True

    def gain_mk_w(self) -> int:
        """K, milli-K/W; of one that integrates, what a lag of `ENDLESS_MS` would make of it."""
        delay = max(self.delay_ms, 1)
        whole = self.lag_ms + delay
        while whole > 4000000:
            whole >>= 1
            delay = max(delay >> 1, 1)
        # (T1 + L) / L x 256, and 10,000 / 256 = 625 / 16.
        return min(whole * 256 // delay, 1600000) * 625 // max(self.stiffness_dw_k, 1) >> 4

    # The record -------------------------------------------------------------------------------------------
    def _begin(self) -> bool:
        """Scale of the record, and how it goes on after its end: in steps that become smaller by a constant ratio."""
        rise = self._rise
        n = self._count
        highest = 0
        fallen = 0
        for i in range(1, n + 1):
            highest = max(highest, rise[i])
            fallen += max(rise[i - 1] - rise[i], 0)
        if n < SLOTS // 2 or not _RISE_MIN <= highest < _RISE_MAX_MC or fallen >= highest:
            return False
        self._shift = 0
        while highest << self._shift < _HALF_SCALE:
            self._shift += 1
        quarter = n // 4
        late = max(rise[n] - rise[n - quarter], 0)
        before = rise[n - quarter] - rise[n - 2 * quarter]
        ratio = min(late * 1024 // before, 1024) if before > 0 else 1024
        # From the middle of the last quarter to its end, and from one step to the next.
        self._tail = min(((late << self._shift) // quarter) * isqrt(ratio << 10) >> 10, _TAIL_MAX)
        self._keep = _UNIT - (1024 - ratio) * 2 * _UNIT // ((1024 + ratio) * quarter)
        return True

    def _step(self, i: int) -> int:
        """Rise from place `i` to the next, scaled."""
        return self._rise[i + 1] - self._rise[i] << self._shift

    # Moments ----------------------------------------------------------------------------------------------
    def _moments(self, weight: int) -> None:
        """Sum of step i x weight^i and its first three derivatives after the weight, by Horner's rule.

        The k-th derivative is kept divided by k! 4^k. What comes after the record is the start of the sum.
        """
        keep = self._keep
        left = _UNIT - (keep * weight >> 14)
        self._p0 = ratio14(self._tail, left)
        self._p1 = ratio14(mul14(self._p0, keep), left) >> 2
        self._p2 = ratio14(mul14(self._p1, keep), left) >> 2
        self._p3 = ratio14(mul14(self._p2, keep), left) >> 2
        for i in range(self._count - 1, -1, -1):
            self._p3 = mul14(self._p3, weight) + (self._p2 >> 2)
            self._p2 = mul14(self._p2, weight) + (self._p1 >> 2)
            self._p1 = mul14(self._p1, weight) + (self._p0 >> 2)
            self._p0 = mul14(self._p0, weight) + self._step(i)

    def _choose(self) -> bool:
        """s: bisected until s x mean is 1.7. False when the record is too short for it."""
        steep = _STEEPEST
        flat = _UNIT - _LAST * _UNIT // self._count
        if self._weigh(flat) > _MEAN:
            return False
        for _ in range(12):
            weight = (steep + flat) >> 1
            if self._weigh(weight) > _MEAN:
                steep = weight
            else:
                flat = weight
        return self._p0 >= _LEAST and self._mean <= _MEAN_MOST

    def _weigh(self, weight: int) -> int:
        """s x mean at this weight of a sample, x 16384; also sets s, x 16384, as `_sigma`."""
        self._moments(weight)
        self._weight = weight
        miss = _UNIT - weight
        # -ln(1 - miss): eight terms of the series are right to 1e-4 for 0.45.
        power = miss
        self._sigma = 0
        for k in range(1, 9):
            self._sigma += power // k
            power = power * miss >> 14
        self._mean = _MEAN_MOST + 1
        if self._p0 >= _LEAST:
            # Steps lie between the places, half a distance later.
            self._mean = self._factorial(4, self._p1, 1) + (self._sigma >> 1)
        return self._mean

    def _lags(self) -> bool:
        """Two lags, in units of 1 / s, with the variance and the third cumulant of the record; and the dead time."""
        sigma = self._sigma
        mean = self._mean - (sigma >> 1)
        second = self._factorial(2 * 16, self._p2, 2)
        third = self._factorial(6 * 64, self._p3, 3)
        # From factorial to plain moments, then to cumulants.
        third += 3 * mul14(second, sigma) + mul14(mul14(mean, sigma), sigma)
        second += mul14(mean, sigma)
        square = mul14(mean, mean)
        third += 2 * mul14(square, mean) - 3 * mul14(second, mean)
        # The steps are spread over their distance.
        variance = second - square + mul14(sigma, sigma) // 12
        # Two lags that end in a ramp come to 2.
        if not 0 < variance < 2 * _UNIT or self._mean <= 0:
            return False
        self._split(variance, third)
        self._l = max((self._mean - mul14(sigma, sigma) // 12 >> 2) - self._a - self._b, 0)
        return True

    def _factorial(self, unit: int, p: int, order: int) -> int:
        """Factorial moment of this order in units of 1 / s, x 16384, from the derivative `p`, kept over `unit`."""
        for _ in range(order):
            p = mul14(mul14(p, self._weight), self._sigma)
        return ratio14(clamp(p * unit, self._p0 * _RATIO), self._p0)

    def _split(self, variance: int, third: int) -> None:
        """T1' and T2' from T1'^2 + T2'^2 and 2 (T1'^3 + T2'^3); alike when it takes more than two lags."""
        root = isqrt(variance << 14)
        skew = (max(0, min(third, 65535)) << 13) // max(variance * root >> 14, 1)
        low = 0
        high = _UNIT
        while high - low > 16:
            middle = (low + high) >> 1
            square = middle * middle >> 14
            whole = _UNIT + square
            if (_UNIT + (square * middle >> 14) << 14) // (whole * isqrt(whole << 14) >> 14) > skew:
                low = middle
            else:
                high = middle
        root = isqrt((variance << 14) // (_UNIT + (low * low >> 14)) << 14)
        self._a = min(root >> 2, _ONE - _NEAR)
        self._b = min(low * root >> 16, self._a)

    # Frequency --------------------------------------------------------------------------------------------
    def _vector(self, x: int, y: int) -> None:
        """Length and angle of (x, y), each below 2^28: CORDIC."""
        turn = 0
        if x < 0:
            turn = _PI if y >= 0 else -_PI
            x = -x
            y = -y
        angle = 0
        for i in range(_STEPS):
            step = x >> i
            if y > 0:
                x += y >> i
                y -= step
                angle += atan14(i)
            else:
                x -= y >> i
                y += step
                angle -= atan14(i)
        self.mag = mul14(x, _SHRINK)
        self.angle = turn + (angle >> 2)

    def _lagged(self, lag: int, w: int) -> int:
        """Phase of a lag T' at `w` (in units of s), and its hypotenuse over 1 + T as `mag`, x 4096."""
        self._vector((_ONE - lag) << 6, w * lag >> 6)
        self.mag >>= 6
        return self.angle

    def _frequency(self) -> int:
        """Where the model lags by 3.0 radians, in units of s; not above 1.4 radians a sample."""
        low = 0
        high = 6 * _ONE
        while high - low > 8:
            middle = (low + high) >> 1
            phase = (middle * self._l >> 12) + self._lagged(self._a, middle) + self._lagged(self._b, middle)
            if phase > _PHASE:
                high = middle
            else:
                low = middle
        return min(low, _FAST // self._sigma)

    def _meet(self, w: int) -> None:
        """Move the dead time to what the record says at `w`; gain x (1 - T1') from there, for the whole step."""
        theta = w * self._sigma >> 14
        self._turn(theta)
        model = (w * self._l >> 12) + self._lagged(self._a, w)
        hypotenuse = self.mag
        model += self._lagged(self._b, w)
        second = self.mag
        self._vector(self._p0, self._p1)
        ahead = theta // 2 - self.angle - model
        while ahead > _PI:
            ahead -= 2 * _PI
        while ahead < -_PI:
            ahead += 2 * _PI
        self._l = max(self._l + (ahead << 12) // w, 0)
        # The steps are spread over their distance: less by 1 - theta^2 / 24.
        length = self.mag - (theta * theta >> 12) * (self.mag >> 10) // 96
        length = min(mul12(min(mul12(length, hypotenuse), 33554431), second), 33554431)
        self._seen = div12(length, _ONE - self._b)

    def _turn(self, theta: int) -> None:
        """Sum of step i x exp(-j theta i): real part in `_p0`, imaginary in `_p1`. `theta` in radians x 4096."""
        self._turn_begin(theta)
        cosine = self._p2
        sine = self._p3
        for i in range(self._count - 1, -1, -1):
            real = mul14(self._p0, cosine) + mul14(self._p1, sine) + self._step(i)
            self._p1 = mul14(self._p1, cosine) - mul14(self._p0, sine)
            self._p0 = real

    def _turn_begin(self, theta: int) -> None:
        """Cosine in `_p2`, sine in `_p3`, and what comes after the record in the first two."""
        x = _SHRINK << 8
        y = 0
        angle = theta << 2
        for i in range(_STEPS):
            step = x >> i
            if angle >= 0:
                x -= y >> i
                y += step
                angle -= atan14(i)
            else:
                x += y >> i
                y -= step
                angle += atan14(i)
        self._p2 = x >> 8
        self._p3 = y >> 8
        real = _UNIT - (self._keep * self._p2 >> 14)
        imag = self._keep * self._p3 >> 14
        square = max((real * real + imag * imag) >> 14, 1)
        self._p0 = (self._tail >> 2) * real // square << 2
        self._p1 = -(self._tail >> 2) * imag // square << 2

    # Results ----------------------------------------------------------------------------------------------
    def _tell(self, period_ms: int, power_dw: int) -> None:
        """Into ms and W/K."""
        a = self._a
        gap = _ONE - a
        second = (self._b << 12) // (_ONE - self._b)
        delay = max(self._l * _SAFE_PERCENT // 100, second // DEEP, 4)
        self.lag_ms = ENDLESS_MS if gap <= _NEAR else self._ms((a << 12) // gap, period_ms)
        self.second_ms = min(self._ms(second, period_ms), self.lag_ms)
        self.delay_ms = max(self._ms(delay, period_ms), 1)
        # (T1 + L) / (K L) with K / (1 + T1) known: T1 = T1' / gap and 1 + T1 = 1 / gap.
        share = (a + (gap * delay >> 12) << 12) // delay
        power_dw = power_dw * (share >> 4) >> 8
        seen_mk = max(self._seen >> self._shift, 1)
        if power_dw > 1000000:
            self.stiffness_dw_k = power_dw // seen_mk * 1000
        else:
            self.stiffness_dw_k = power_dw * 1000 // seen_mk

    def _ms(self, time: int, period_ms: int) -> int:
        """`time` in units of 1 / s, x 4096, in ms; at most `ENDLESS_MS`."""
        places = (time << 8) // self._sigma
        if places > ENDLESS_MS // period_ms * 64:
            return ENDLESS_MS
        return places // 64 * period_ms + places % 64 * period_ms // 64
