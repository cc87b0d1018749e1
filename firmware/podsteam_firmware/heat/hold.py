# SPDX-License-Identifier: Apache-2.0
"""Holding a temperature below boiling: a two-degree-of-freedom PI-D controller in integers.

    u = feed-forward + Kp (b r - yf) + I - Kp Td dyf/dt,  0 <= u <= limit,  yf = y / (1 + s Tf)^2

Set-point weight b, derivative on the measurement alone, and the whole measurement through a second-order filter: it
leaves no noise to the derivative, at the price of 2 Tf more delay, which the tuning counts. Back-calculation
anti-windup with the output as really limited, loss feed-forward from outside, and an entry without a bump (Astrom and
Hagglund, "Advanced PID Control", 2006, chapter 3). Output is power, so the gains do not depend on element or mains.
Terms stay below 2^30 for |temperatures| <= 200 degC, gains within their bounds and limits <= 1 kW.
"""

from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.heat.settings import Settings

_WEIGHT_PERMILLE = const(500)
"""Set-point weight b."""
FILTER_DS = const(12)
"""Tf = 1.2 s, in 0.1 s. With 0.12 K of noise at 20 Hz the output moves by less than 5 % of full power a second."""
_CLOSED_DS = const(128)
"""The gain is the heat capacity over this, 0.1 s, until a tuning has found another. SIMC for an integrating process
with a lag (Skogestad 2003): Kp = C (1 + T2 / Ti') / (Tc + L), Tc = L = 8 s, Ti' = 4 (Tc + L) = 64 s, T2 = 16 s, turned
from the series into the ideal form. L is the water sensor (2 to 5 s), element and filters; T2 the lag from wall to
water, Cw Cl / (Cw + Cl) / hA = 115 x 251 / 366 / 5 (J/K, W/K): hypotheses of the simulated boiler."""
_INTEGRAL_DS = const(800)
"""Ti = Ti' + T2 = 80 s, in 0.1 s."""
_DERIVATIVE_DS = const(128)
"""Td = Ti' T2 / (Ti' + T2) = 12.8 s, in 0.1 s."""
TUNED_J_K = const(366)
"""Heat capacity to which a tuned gain is referred: that of the compiled-in boiler."""
_ZONE_MC = const(1000)
_ZONE_TICKS = const(900)
"""On the way to the target the integral waits until this distance, or for 90 s: what it gathers before is overshoot."""
_LEAD_MAX_MC = const(40000)
"""Bound of the derivative term, Td dy/dt: 40 K, far beyond what a boiler does near its target."""
_SHORT_DS = const(2)
"""Entry aims short of the target by 0.2 s of the present slope; the integral makes that up."""
_SHORT_PART = const(8)
"""And by an eighth of what Td is longer than the compiled-in one: then more is stored in a hot wall."""
_KP_MIN_DW_K = const(50)
_KP_MAX_DW_K = const(500)


class Hold:
    """The controller. `enter` first, then `step` every 100 ms."""

    def __init__(self) -> None:
        self.kp_dw_k = 286
        """Proportional gain, 0.1 W/K; see `tune`."""
        self.integral_ds = _INTEGRAL_DS
        """Ti, 0.1 s."""
        self.derivative_ds = _DERIVATIVE_DS
        """Td, 0.1 s."""
        self.power_dw = 0
        """Newest output, 0.1 W."""
        self._tracking_ds = 320
        self._integral_mdw = 0
        self._first = 0
        self._second = 0
        self._waited = 0

    def tune(self, capacity_j_k: int, settings: "Settings | None" = None) -> None:
        """Gains for a boiler that takes `capacity_j_k` per kelvin, always within 5 to 50 W/K: 28.6 W/K for 366 J/K.

        `settings`: the gains that a tuning found, if it has any (`hold_gain_dw_k` is what belongs to `TUNED_J_K`).
        """
        capacity_j_k = min(capacity_j_k, 2000)
        kp = capacity_j_k * 100 // _CLOSED_DS
        self.integral_ds = _INTEGRAL_DS
        self.derivative_ds = _DERIVATIVE_DS
        if settings is not None and settings.hold_gain_dw_k > 0:
            kp = settings.hold_gain_dw_k * capacity_j_k // TUNED_J_K
            self.integral_ds = settings.hold_integral_ds or _INTEGRAL_DS
            self.derivative_ds = settings.hold_derivative_ds or _DERIVATIVE_DS
        self.kp_dw_k = max(_KP_MIN_DW_K, min(_KP_MAX_DW_K, kp))
        self._tracking_ds = tracking_ds(self.integral_ds, self.derivative_ds)

    def enter(self, target_mc: int, measured_mc: int, rate_mc_s: int, excess_dw: int) -> None:
        """Start so that the first output is feed-forward plus `excess_dw` (0.1 W), with no bump.

        `rate_mc_s` is the present slope of the measurement: the filters start as if it had always been so.
        """
        self._waited = 0
        self._first = measured_mc * FILTER_DS - rate_mc_s * (FILTER_DS * FILTER_DS) // 10
        self._second = self._first - rate_mc_s * (FILTER_DS * FILTER_DS) // 10
        self._integral_mdw = (excess_dw - self._proportional(target_mc)) * 1000

    def wait(self) -> None:
        """Less than the output is given on purpose: the integral waits anew."""
        self._waited = 0

    def excess_dw(self, target_mc: int, measured_mc: int, rate_mc_s: int) -> int:
        """What the controller at work would ask beyond the loss, 0.1 W: full weight, a steady integral, this slope.

        When that and the loss are no longer more than there is, it is time to `enter`. What the filters still hold
        back, 2 Tf at this slope, counts as it does in `step`.
        """
        short_ds = _SHORT_DS + max(self.derivative_ds - _DERIVATIVE_DS, 0) // _SHORT_PART
        ahead_ds = self.derivative_ds - 2 * FILTER_DS + short_ds
        return self.kp_dw_k * (target_mc - measured_mc - rate_mc_s * ahead_ds // 10) // 1000

    def _proportional(self, target_mc: int) -> int:
        """Kp (b r - yf - Td dyf/dt). The second filter's own error is its slope times its time constant."""
        filtered_mc = self._second // FILTER_DS
        lead_mc = (self._first // FILTER_DS - filtered_mc) * self.derivative_ds // FILTER_DS
        lead_mc = max(-_LEAD_MAX_MC, min(_LEAD_MAX_MC, lead_mc))
        return self.kp_dw_k * (target_mc * _WEIGHT_PERMILLE // 1000 - filtered_mc - lead_mc) // 1000

    def step(self, target_mc: int, measured_mc: int, feed_forward_dw: int, limit_dw: int) -> int:
        """Power in 0.1 W for the next 100 ms, 0 to `limit_dw`: what the actuator can really do now."""
        wanted = feed_forward_dw + self._proportional(target_mc) + self._integral_mdw // 1000
        self._first += measured_mc - self._first // FILTER_DS
        self._second += self._first // FILTER_DS - self._second // FILTER_DS
        self.power_dw = max(0, min(wanted, limit_dw))
        self._integrate(target_mc - self._second // FILTER_DS, self.power_dw - wanted)
        return self.power_dw

    def _integrate(self, error_mc: int, cut_dw: int) -> None:
        """`cut_dw`: what the actuator could not do. At the upper end that is taken back (back-calculation), so that it
        is not asked for later. At the lower end a hot wall makes the derivative ask for less than nothing: the integral
        must not be raised by that, and only stays where it is while the error would lower it."""
        if cut_dw < 0:
            self._integral_mdw += cut_dw * 1000 // self._tracking_ds
        if abs(error_mc) < _ZONE_MC:
            self._waited = _ZONE_TICKS
        if self._waited < _ZONE_TICKS:
            self._waited += 1
        elif cut_dw <= 0 or error_mc > 0:
            # Rounded: a floor would hold the water a milli-kelvin low.
            self._integral_mdw += (self.kp_dw_k * error_mc + (self.integral_ds >> 1)) // self.integral_ds


def tracking_ds(integral_ds: int, derivative_ds: int) -> int:
    """Tt = sqrt(Ti Td) (Astrom and Hagglund 2006, section 3.5), 0.1 s; at least 1 s."""
    product = integral_ds * derivative_ds
    root = max(integral_ds, derivative_ds)
    while root * root > product:
        root = (root + product // root) // 2
    return max(root, 10)
