# SPDX-License-Identifier: Apache-2.0
"""Holding a temperature below boiling: a two-degree-of-freedom PI-D controller in integers.

    u = feed-forward + Kp (b r - y) + I - Kp Td dy/dt (filtered),  0 <= u <= limit

Set-point weight b, derivative on the measurement alone through a first-order filter Td/N, back-calculation
anti-windup with the output as really limited, loss feed-forward from outside, and an entry without a bump
(Astrom and Hagglund, "Advanced PID Control", 2006, chapter 3). Output is power, so the gains do not depend on
element or mains. Terms stay below 2^30 for |temperatures| <= 200 degC, Kp <= 500 dW/K and limits <= 1 kW.
"""

from podsteam_protocol.const import const

_WEIGHT_PERMILLE = const(500)
"""Set-point weight b."""
_CLOSED_DS = const(128)
"""(Tc + L) / (1 + T2 / Ti'), in 0.1 s: the gain is the heat capacity over this. SIMC for an integrating process with
a lag (Skogestad 2003): Tc = L = 8 s, Ti' = 4 (Tc + L) = 64 s, T2 = 16 s, turned from the series into the ideal
form. L is the water sensor (2 to 8 s), element and filters; T2 the lag from wall to water, Cw Cl / (Cw + Cl) / hA =
115 x 251 / 366 / 5 (J/K, W/K): hypotheses of the simulated boiler."""
_INTEGRAL_TICKS = const(800)
"""Ti = Ti' + T2 = 80 s, in steps of 0.1 s."""
_DERIVATIVE_DS = const(128)
"""Td = Ti' T2 / (Ti' + T2) = 12.8 s, in 0.1 s."""
_N = const(4)
"""Derivative filter Td / N = 3.2 s."""
_FILTER_TICKS = const(32)
_TRACKING_TICKS = const(320)
"""Tt = sqrt(Ti Td) = 32 s (Astrom and Hagglund 2006, section 3.5)."""
_ZONE_MC = const(1000)
_ZONE_TICKS = const(900)
"""On the way to the target the integral waits until this distance, or for 90 s: what it gathers before is overshoot."""
_RATE_MAX_DW = const(20000)
"""Bound of the derivative term: 2 kW, far beyond any element."""
_KP_MIN_DW_K = const(100)
_KP_MAX_DW_K = const(500)


class Hold:
    """The controller. `enter` first, then `step` every 100 ms."""

    def __init__(self) -> None:
        self.kp_dw_k = 286
        """Proportional gain, 0.1 W/K; see `tune`."""
        self.power_dw = 0
        """Newest output, 0.1 W."""
        self._integral_mdw = 0
        self._filter = 0
        self._waited = 0

    def tune(self, capacity_j_k: int) -> None:
        """Gain for a boiler that takes `capacity_j_k` per kelvin: 28.6 W/K for 366 J/K, always within 10 to 50 W/K."""
        self.kp_dw_k = max(_KP_MIN_DW_K, min(_KP_MAX_DW_K, capacity_j_k * 100 // _CLOSED_DS))

    def enter(self, target_mc: int, measured_mc: int, rate_mc_s: int, excess_dw: int) -> None:
        """Start so that the first output is feed-forward plus `excess_dw` (0.1 W), with no bump.

        `rate_mc_s` is the present slope of the measurement, with which the derivative filter is filled.
        """
        self._waited = 0
        self._filter = measured_mc * _FILTER_TICKS - rate_mc_s * (_FILTER_TICKS * _FILTER_TICKS) // 10
        self._integral_mdw = (excess_dw - self._proportional(target_mc, measured_mc)) * 1000
        self._integral_mdw -= self._derivative(measured_mc) * 1000

    def excess_dw(self, target_mc: int, measured_mc: int, rate_mc_s: int) -> int:
        """What the controller at work would ask beyond the loss, 0.1 W: full weight, a steady integral, this slope.

        When that and the loss are no longer more than there is, it is time to `enter`.
        """
        return self.kp_dw_k * (target_mc - measured_mc - rate_mc_s * _DERIVATIVE_DS // 10) // 1000

    def _proportional(self, target_mc: int, measured_mc: int) -> int:
        return self.kp_dw_k * (target_mc * _WEIGHT_PERMILLE // 1000 - measured_mc) // 1000

    def _derivative(self, measured_mc: int) -> int:
        """-Kp N (y - filtered y): the filter's own error is the filtered slope times its time constant."""
        term = self.kp_dw_k * _N * (self._filter // _FILTER_TICKS - measured_mc) // 1000
        return max(-_RATE_MAX_DW, min(_RATE_MAX_DW, term))

    def step(self, target_mc: int, measured_mc: int, feed_forward_dw: int, limit_dw: int) -> int:
        """Power in 0.1 W for the next 100 ms, 0 to `limit_dw`: what the actuator can really do now."""
        wanted = feed_forward_dw + self._proportional(target_mc, measured_mc)
        wanted += self._derivative(measured_mc) + self._integral_mdw // 1000
        self._filter += measured_mc - self._filter // _FILTER_TICKS
        self.power_dw = max(0, min(wanted, limit_dw))
        self._integrate(target_mc - measured_mc, self.power_dw - wanted)
        return self.power_dw

    def _integrate(self, error_mc: int, cut_dw: int) -> None:
        """`cut_dw`: what the actuator could not do (back-calculation), so that it is not asked for later."""
        self._integral_mdw += cut_dw * 1000 // _TRACKING_TICKS
        if abs(error_mc) < _ZONE_MC:
            self._waited = _ZONE_TICKS
        if self._waited < _ZONE_TICKS:
            self._waited += 1
        else:
            self._integral_mdw += self.kp_dw_k * error_mc // _INTEGRAL_TICKS
