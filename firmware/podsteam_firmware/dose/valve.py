# SPDX-License-Identifier: Apache-2.0
"""Volume of a dose to width of the valve's pulse: `volume = flow * (width - dead time)`.

The valve opens only after its coil has been on for the dead time, and closes about when it goes off. Integers below
2^30 throughout.
"""

from podsteam_protocol.const import const

_DEAD_US = const(3_000)
"""Dead time of the nominal valve, us."""
_MIN_US = const(1_000)
"""Shortest pulse that the hardware makes, us."""
_MAX_US = const(1_000_000)
"""Longest pulse, us: a larger dose is not given in one shot."""
_MAX_OPEN_MS = const(997)
_MAX_NL = const(1_000_000)


def width_us(nl: int, flow_nl_ms: int) -> int:
    """Pulse width for `nl` at a flow of `flow_nl_ms` (at least 1), 1,000 to 1,000,000 us; 0 for no volume."""
    if nl <= 0 or flow_nl_ms <= 0:
        return 0
    width = _DEAD_US + min(nl, _MAX_NL) * 1000 // flow_nl_ms
    return max(_MIN_US, min(width, _MAX_US))


def most_nl(flow_nl_ms: int) -> int:
    """Largest volume that one pulse gives at that flow (up to 10^6 nL/ms), nL."""
    return _MAX_OPEN_MS * flow_nl_ms
