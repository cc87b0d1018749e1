# SPDX-License-Identifier: Apache-2.0
"""What the device makes of a podlet's record: whether it may be used, and the limits that hold.

Open by default: an unsigned or unknown podlet works, under the guest caps below, which no tag can widen; one whose
signature by a known key was checked works under its own, within those of the doser. It is refused only when it is
exhausted, recalled, past its date and the grace after it, or when its limits cannot be read; what its owner has listed
as an allergen waits for the button.
"""

from podsteam_firmware.podlet.record import Record
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_protocol.const import const

# Caps of a podlet that is signed by a known key: what the doser itself never exceeds (`dose/caps.py`).
_SIGNED_SHOT_NL = const(250_000)
_SIGNED_SESSION_NL = const(3_000_000)
_SIGNED_INTERVAL_S = const(5)
# Guest caps. A shot of 20 to 250 uL and 0.5 to 2 mL in a session are the working range that this device is made
# for; without a signature only the lower half of it is allowed.
_GUEST_SHOT_NL = const(100_000)
_GUEST_SESSION_NL = const(1_000_000)
_GUEST_INTERVAL_S = const(10)
_GUEST_OUTLET_MIN_CDEG = const(3_000)
"""Below, steam condenses before it carries anything."""
_GUEST_OUTLET_MAX_CDEG = const(10_500)
"""Above, the outlet is hotter than steam can make it."""
_GUEST_FLOW_NL_MS = const(400)
"""Flow of a podlet that does not tell its own: the device's nominal valve with water."""
_GUEST_FLOW_MIN_NL_MS = const(100)
"""A tag that tells a lower flow makes pulses longer: without a signature, four times those of water at most."""
_GRACE_DAYS = const(30)
"""After its last good day a podlet still doses for so long, with a note."""


class Limits:
    """What the podlet in the holder is and allows; the limits are all 0 while there is none that can be read."""

    def __init__(self) -> None:
        self.state = m.PODLET_ABSENT
        """A PODLET value."""
        self.changes = 0
        """Grows with each change of `state`; wraps at 2^30."""
        self.dose_nl = 0
        """Volume of a dose, nL."""
        self.session_cap_nl = 0
        """Most in one session, nL."""
        self.min_interval_s = 0
        """Least time between two doses, s."""
        self.outlet_min_cdeg = 0
        """Outlet window of a dose, 0.01 degC."""
        self.outlet_max_cdeg = 0
        self.flow_nl_ms = 0
        """Flow of the open valve, nL/ms."""
        self.doses_used = 0
        """The largest of all witnesses."""
        self.doses_left = 0
        self.signed = False
        """A known key has signed it, and the signature was checked."""
        self.newest_day = 0
        """The latest day that any clock ever told, days since 1970-01-01, 0: none did. The book keeps it."""
        self.date_note = 0
        """0, CODE_PODLET_OLD or CODE_NO_DATE."""
        self.allergens = 0
        """What the owner has listed, a bit for each."""
        self.listed = 0
        """What of it the podlet holds."""
        self.recalled = False
        """A list of a key that the device trusts names the podlet."""
        self.agreed = False
        """The button was held to use it all the same; until it is taken out."""
        self.main_id = 0
        """Which content of the tag is judged (`Record.main_id`)."""
        self.rolled_back = False
        """The tag tells fewer doses than this device knows of."""
        self._known_uid = bytearray(7)
        self._known_used = 0

    def usable(self) -> bool:
        """Whether a podlet is there that may be dosed from."""
        return self.state == m.PODLET_GUEST or self.state == m.PODLET_SIGNED

    def enter(self, state: int) -> None:
        """Set the state, and count the change if it is one."""
        if state != self.state:
            self.state = state
            self.changes = (self.changes + 1) & 0x3FFFFFFF

    def clear_limits(self) -> None:
        """Nothing is allowed."""
        self.dose_nl = self.session_cap_nl = self.min_interval_s = self.flow_nl_ms = 0
        self.outlet_min_cdeg = self.outlet_max_cdeg = self.doses_used = self.doses_left = 0

    def judge(self, record: Record, uid: bytearray, today: int) -> None:
        """Take limits and state from a record that could be parsed.

        `today` is in days since 1970-01-01, 0 when no clock was set; the newest day that was ever told counts. A podlet
        that was here before has at least as many doses used as it had then, whatever its tag says now.
        """
        values = record.values
        signed = self.signed
        most_nl = _SIGNED_SESSION_NL if signed else _GUEST_SESSION_NL
        self.dose_nl = min(values[p.MAIN_DOSE_NL], _SIGNED_SHOT_NL if signed else _GUEST_SHOT_NL)
        self.session_cap_nl = min(values[p.MAIN_SESSION_CAP_NL] or _GUEST_SESSION_NL, most_nl)
        self.min_interval_s = max(values[p.MAIN_MIN_INTERVAL_S], _SIGNED_INTERVAL_S if signed else _GUEST_INTERVAL_S)
        self.outlet_min_cdeg = max(values[p.MAIN_OUTLET_MIN_CDEG], _GUEST_OUTLET_MIN_CDEG)
        self.outlet_max_cdeg = min(values[p.MAIN_OUTLET_MAX_CDEG] or _GUEST_OUTLET_MAX_CDEG, _GUEST_OUTLET_MAX_CDEG)
        self.flow_nl_ms = max(values[p.MAIN_FLOW_NL_MS] or _GUEST_FLOW_NL_MS, _GUEST_FLOW_MIN_NL_MS)
        self._count(record, uid)
        if self.outlet_min_cdeg >= self.outlet_max_cdeg:
            self.clear_limits()
            self.enter(m.PODLET_UNREADABLE)
        elif self.recalled:
            self.enter(m.PODLET_RECALLED)
        elif self._expired(record, today):
            self.enter(m.PODLET_EXPIRED)
        else:
            usable = m.PODLET_SIGNED if signed else m.PODLET_GUEST
            self.listed = values[p.MAIN_ALLERGENS] & self.allergens
            if self.listed and not self.agreed:
                usable = m.PODLET_ALLERGEN
            self.enter(usable if self.doses_left else m.PODLET_EXHAUSTED)

    def _expired(self, record: Record, today: int) -> bool:
        """Past its last good day and the grace after it; `date_note` is set for what is not yet, or not known to be."""
        self.newest_day = today = max(today, self.newest_day)
        self.date_note = 0
        values = record.values
        last = values[p.MAIN_EXPIRES_DAY]
        pao_days = values[p.MAIN_PAO_DAYS]
        if not today:
            self.date_note = m.CODE_NO_DATE if last or pao_days else 0
            return False
        if pao_days and record.first_use_day:
            opened_last = record.first_use_day + pao_days
            last = min(last or opened_last, opened_last)
        over = today - last if last else 0
        if 0 < over <= _GRACE_DAYS:
            self.date_note = m.CODE_PODLET_OLD
        return over > _GRACE_DAYS

    def _count(self, record: Record, uid: bytearray) -> None:
        """Doses used and left, by count and by volume."""
        self.witness(uid, record.main_id, record.doses_used)
        self.doses_used = used = self._known_used
        self.rolled_back = record.doses_used < used
        left = record.values[p.MAIN_DOSE_COUNT] - used
        fill_nl = record.values[p.MAIN_FILL_NL]
        if fill_nl:
            left = min(left, (fill_nl - record.nl_used) // self.dose_nl)
        self.doses_left = max(0, left)

    def witness(self, uid: bytearray, main_id: int, used: int) -> None:
        """Somebody knows that so many doses of this podlet are used: the most that is said of it counts."""
        if self._known_uid != uid or self.main_id != main_id:
            self._known_uid[:] = uid
            self.main_id = main_id
            self._known_used = 0
        self._known_used = max(self._known_used, used)
