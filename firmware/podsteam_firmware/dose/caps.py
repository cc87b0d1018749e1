# SPDX-License-Identifier: Apache-2.0
"""Caps on the commanded volume, one above the other, each with its reason; and the least time between two shots.

From the outside in: what the podlet (or, narrower, the guest policy) allows in a shot, what one pulse can give, what
the podlet allows in a session, and the hard limits below, which nothing can widen.
"""

from podsteam_firmware import ticks
from podsteam_firmware.dose import valve
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.podlet.policy import Limits

_HARD_SHOT_NL = const(250_000)
"""Most in one shot, nL."""
_HARD_SESSION_NL = const(3_000_000)
"""Most in one session, nL."""
_HARD_INTERVAL_S = const(5)
"""Least time between two shots, s."""
_LONGEST_INTERVAL_S = const(65_535)


class Caps:
    """What may still be given, and why not more."""

    def __init__(self) -> None:
        self.reason = 0
        """DOSE value of the last layer that reduced the volume in `allowed_nl`, 0: none did."""
        self.session_nl = 0
        """Commanded in this session, nL."""
        self._volume_nl = 0
        self._last_ms = 0
        self._recent = False

    def begin_session(self) -> None:
        """Nothing was given yet in this session. The time of the last shot is kept."""
        self.session_nl = 0

    def allowed_nl(self, wanted_nl: int, limits: "Limits") -> int:
        """How much of `wanted_nl` may be given in a shot now, nL. Sets `reason`."""
        self.reason = 0
        self._volume_nl = wanted_nl
        self._lower(limits.dose_nl, m.DOSE_SHOT_CAP)
        self._lower(valve.most_nl(limits.flow_nl_ms), m.DOSE_SHOT_CAP)
        self._lower(limits.session_cap_nl - self.session_nl, m.DOSE_SESSION_CAP)
        self._lower(_HARD_SHOT_NL, m.DOSE_HARD_LIMIT)
        self._lower(_HARD_SESSION_NL - self.session_nl, m.DOSE_HARD_LIMIT)
        return max(0, self._volume_nl)

    def _lower(self, limit_nl: int, reason: int) -> None:
        if self._volume_nl > limit_nl:
            self._volume_nl = limit_nl
            self.reason = reason

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
        self._last_ms = now_ms
        self._recent = True
