# SPDX-License-Identifier: Apache-2.0
"""Caps on the commanded volume, one above the other, each with its reason; and the least time between two shots.

From the outside in: what the podlet (or, narrower, the guest policy) allows in a shot, what one pulse can give, what
the podlet allows in a session, and the hard limits below, which nothing can widen: shot, session, 24 hours.

A valve gives more than is commanded, or less. So every cap but the podlet's own dose, which is what is aimed at, is
lowered by what 19 of 20 shots err by at most: what is *delivered* then stays below it.
"""

from podsteam_firmware import ticks
from podsteam_firmware.dose import valve
from podsteam_firmware.dose.window import Window
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.podlet.policy import Limits

HARD_SHOT_NL = const(250_000)
"""Most in one shot, nL."""
HARD_SESSION_NL = const(3_000_000)
"""Most in one session, nL."""
HARD_DAY_NL = const(6_000_000)
"""Most in any 24 hours on this device, nL."""
_HARD_INTERVAL_S = const(5)
"""Least time between two shots, s."""
_LONGEST_INTERVAL_S = const(65_535)


class Caps:
    """What may still be given, and why not more."""

    def __init__(self) -> None:
        self.window = Window()
        """What was commanded in the last 24 hours."""
        self.reason = 0
        """DOSE value of the last layer that reduced the volume in `allowed_nl`, 0: none did."""
        self.reasons = 0
        """All that did: bit n for DOSE value n."""
        self.session_nl = 0
        """Commanded in this session, nL."""
        self.gain_permille = 1000
        """Flow of this valve over the nominal one's."""
        self.dead_us = valve.DEAD_US
        """Its dead time."""
        self.p95_permille = 0
        """By how much 19 of 20 shots err at most."""
        self._volume_nl = 0
        self._last_ms = 0
        self._recent = False

    def begin_session(self) -> None:
        """Nothing was given yet in this session. The time of the last shot is kept."""
        self.session_nl = 0

    def allowed_nl(self, wanted_nl: int, limits: "Limits") -> int:
        """How much of `wanted_nl` may be given in a shot now, nL. Sets `reason` and `reasons`."""
        self.reason = self.reasons = 0
        self._volume_nl = wanted_nl
        self._lower(limits.dose_nl, m.DOSE_SHOT_CAP)
        self._lower(valve.most_nl(limits.flow_nl_ms, self.gain_permille, self.dead_us), m.DOSE_SHOT_CAP)
        self._lower(self._derated(limits.session_cap_nl) - self.session_nl, m.DOSE_SESSION_CAP)
        self._lower(self._derated(HARD_SHOT_NL), m.DOSE_HARD_LIMIT)
        self._lower(self._derated(HARD_SESSION_NL) - self.session_nl, m.DOSE_HARD_LIMIT)
        self._lower(self.day_nl() - self.window.total_nl(), m.DOSE_DAY_CAP)
        return max(0, self._volume_nl)

    def _derated(self, cap_nl: int) -> int:
        """A cap of delivered volume as one of commanded volume. In two parts, so that it stays below 2^30."""
        whole = 1000 + self.p95_permille
        return cap_nl // whole * 1000 + cap_nl % whole * 1000 // whole

    def _lower(self, limit_nl: int, reason: int) -> None:
        if self._volume_nl > limit_nl:
            self._volume_nl = limit_nl
            self.reason = reason
            self.reasons |= 1 << reason

    def day_nl(self) -> int:
        """Most that may be commanded in 24 hours, nL."""
        return self._derated(HARD_DAY_NL)

    def width_us(self, nl: int, flow_nl_ms: int) -> int:
        """Width of the pulse that gives `nl` of a podlet with this flow, us."""
        return valve.width_us(nl, flow_nl_ms, self.gain_permille, self.dead_us)

    def too_soon(self, now_ms: int, min_interval_s: int) -> bool:
        """Whether the last shot, of whatever podlet, is less than the interval ago. To be asked at least daily."""
        if not self._recent:
            return False
        elapsed_s = ticks.diff(now_ms, self._last_ms) // 1000
        if not 0 <= elapsed_s <= _LONGEST_INTERVAL_S:
            self._recent = False
            return False
        return elapsed_s < max(min_interval_s, _HARD_INTERVAL_S)

    def count(self, now_ms: int, nl: int) -> None:
        """A shot of `nl` is being commanded."""
        self.session_nl += nl
        self.window.add(nl)
        self.restart(now_ms)

    def restart(self, now_ms: int) -> None:
        """The interval to the next shot begins now: at a shot, and at a start, which cannot tell when that was."""
        self._last_ms = now_ms
        self._recent = True
