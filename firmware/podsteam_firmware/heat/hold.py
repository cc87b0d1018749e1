# SPDX-License-Identifier: Apache-2.0
"""Holding a temperature below boiling: a two-degree-of-freedom PI-D controller in integers.

    u = feed-forward + Kp (b r - y) + I - Kp Td dy/dt (filtered),  0 <= u <= limit

Set-point weight b, derivative on the measurement alone through a first-order filter Td/N, back-calculation
anti-windup with the output as really limited, loss feed-forward from outside, and an entry without a bump
(Astrom and Hagglund, "Advanced PID Control", 2006, chapter 3). Output is power, so the gains do not depend on
element or mains. Terms stay below 2^30 for |temperatures| <= 200 degC, Kp <= 500 dW/K and limits <= 1 kW.
"""

from podsteam_protocol.const import const

_N = const(8)
"""Derivative filter: Td / N."""
_WEIGHT_PERMILLE = const(500)
"""Set-point weight b."""
_LAG_S = const(16)
"""Tw: wall to water lag, Cw Cl / (Cw + Cl) / hA = 115 x 251 / 366 / 4.9 J/K, W/K (research plant, 60 g)."""
_TAU_S = const(16)
"""Tc + L of the SIMC rule: apparent delay L of 8 s (water sensor 5 s, element, filters), Tc = L."""
_INTEGRAL_S = const(64)
"""Ti = 4 (Tc + L): SIMC for an integrating process (Skogestad 2003), Td = Tw."""
_TRACKING_S = const(32)
"""Tt = sqrt(Ti Td): Astrom and Hagglund 2006, section 3.5."""
_FILTER_TICKS = const(20)
"""Td / N = 2 s in ticks of 0.1 s."""
_INTEGRAL_TICKS = const(640)
_TRACKING_TICKS = const(320)
_FILTER_S = const(2)
_RATE_MAX_DW = const(20000)
"""Bound of the derivative term: 2 kW, far beyond any element."""
_KP_MIN_DW_K = const(80)
_KP_MAX_DW_K = const(400)


class Hold:
    """The controller. `enter` first, then `step` every 100 ms."""

    def __init__(self) -> None:
        self.kp_dw_k = 228
        """Proportional gain, 0.1 W/K; see `tune`."""
        self._integral_mdw = 0
        self._filter = 0

    def tune(self, capacity_j_k: int) -> None:
        """Gain for a boiler that takes `capacity_j_k` per kelvin: Kp = C / (Tc + L), within 8 to 40 W/K.

        SIMC for an integrating process of slope 1/C. With 365 J/K: 22.8 W/K.
        """
        kp = capacity_j_k * 10 // _TAU_S
        if kp < _KP_MIN_DW_K:
            kp = _KP_MIN_DW_K
        self.kp_dw_k = kp if kp < _KP_MAX_DW_K else _KP_MAX_DW_K

    def enter(self, target_mc: int, measured_mc: int, rate_mc_s: int, excess_dw: int) -> None:
        """Start so that the first output is feed-forward plus `excess_dw` (0.1 W), with no bump.

        `rate_mc_s` is the present slope of the measurement, with which the derivative filter is filled.
        """
        self._filter = (measured_mc - rate_mc_s * _FILTER_S) * _FILTER_TICKS
        self._integral_mdw = (excess_dw - self._proportional(target_mc, measured_mc)) * 1000
        self._integral_mdw -= self._derivative(measured_mc) * 1000

    def excess_dw(self, target_mc: int, measured_mc: int, rate_mc_s: int) -> int:
        """What a controller at work would ask beyond the loss, 0.1 W: when that is no longer more than there is, it
        is time to `enter`. A part of the distance is left to the integral, which gathers it on the way."""
        ahead_mc = (target_mc - measured_mc) * _ENTRY_PERMILLE // 1000 - rate_mc_s * _DERIVATIVE_DS // 10
        return self.kp_dw_k * ahead_mc // 1000

    def _proportional(self, target_mc: int, measured_mc: int) -> int:
        return self.kp_dw_k * (target_mc * _WEIGHT_PERMILLE // 1000 - measured_mc) // 1000

    def _derivative(self, measured_mc: int) -> int:
        """-Kp N (y - filtered y): the filter's own error is the filtered slope times its time constant."""
        term = self.kp_dw_k * _N * (self._filter // _FILTER_TICKS - measured_mc) // 1000
        return max(-_RATE_MAX_DW, min(_RATE_MAX_DW, term))

    def step(self, target_mc: int, measured_mc: int, feed_forward_dw: int, limit_dw: int) -> int:
        """Power in 0.1 W for the next 100 ms, 0 to `limit_dw`: what the actuator can really do now."""
        wanted = feed_forward_dw + self._proportional(target_mc, measured_mc) + self._derivative(measured_mc)
        wanted += self._integral_mdw // 1000
        self._filter += measured_mc - self._filter // _FILTER_TICKS
        output = wanted
        if output < 0:
            output = 0
        if output > limit_dw:
            output = limit_dw
        self._integral_mdw += self.kp_dw_k * (target_mc - measured_mc) // _INTEGRAL_TICKS
        self._integral_mdw += (output - wanted) * 1000 // _TRACKING_TICKS
        return output
