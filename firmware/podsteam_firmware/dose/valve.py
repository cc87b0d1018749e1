# SPDX-License-Identifier: Apache-2.0
"""Volume of a dose to width of the valve's pulse: `volume = flow * (width - dead time)`.

The valve opens only after its coil has been on for the dead time, and closes about when it goes off. The flow is what
the podlet tells of its liquid and pressure in the nominal valve, times this valve's gain. Integers below 2^30
throughout.
"""

from podsteam_protocol.const import const

DEAD_US = const(3_000)
"""Dead time of the nominal valve, us."""
_MIN_US = const(1_000)
"""Shortest pulse that the hardware makes, us."""
_MAX_US = const(1_000_000)
"""Longest pulse, us: a larger dose is not given in one shot."""
_MAX_NL = const(1_000_000)
_MAX_NOMINAL_US = const(2_000_000)
"""More than any pulse takes, whatever the gain."""
_MAX_FLOW = const(500_000)


def width_us(nl: int, flow_nl_ms: int, gain_permille: int = 1000, dead_us: int = DEAD_US) -> int:
    """Pulse width for `nl` at a flow of `flow_nl_ms` (at least 1), 1,000 to 1,000,000 us; 0 for no volume.

    `gain_permille` 350 to 1950, `dead_us` up to 20,000.
    """
    if nl <= 0 or flow_nl_ms <= 0:
        return 0
    nominal_us = min(min(nl, _MAX_NL) * 1000 // flow_nl_ms, _MAX_NOMINAL_US)
    open_us = nominal_us // gain_permille * 1000 + nominal_us % gain_permille * 1000 // gain_permille
    return max(_MIN_US, min(dead_us + open_us, _MAX_US))


def most_nl(flow_nl_ms: int, gain_permille: int = 1000, dead_us: int = DEAD_US) -> int:
    """Largest volume that one pulse gives at that flow (up to 500,000 nL/ms), nL."""
    return (_MAX_US - dead_us) // 1000 * gain_permille // 1000 * min(flow_nl_ms, _MAX_FLOW)
