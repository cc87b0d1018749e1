# SPDX-License-Identifier: Apache-2.0
"""The podlet tag's numbers, shared by the firmware, the host and the simulated tag.

User memory of an NTAG21x (from page 4): one NDEF TLV; its message holds a record that a phone shows (URI or
text) and one MIME record of type `MIME_TYPE`. The MIME payload is `meta | main | aux`:

* meta: CBOR map, keys `META_*`. Offsets count from the payload's first byte.
* main: CBOR map, keys `MAIN_*`. Static; unknown keys are kept and ignored.
* aux: two slots of `SLOT_FMT`, written alternately by the device, page-aligned in tag memory. The valid slot
  with the higher sequence number (modulo 2^16) counts; CRC-32 over the 12 bytes before it. An empty slot is
  all zero, whose CRC is wrong by design.
"""

from podsteam_protocol.const import const

MIME_TYPE = b"application/vnd.podsteam.podlet"

META_MAIN_OFFSET = const(0)
META_MAIN_SIZE = const(1)
META_AUX_OFFSET = const(2)
META_AUX_SIZE = const(3)
META_MAIN_CRC = const(4)
"""CRC-32 over the bytes of main."""

MAIN_ID = const(0)
"""Bytes, 1 to 16: this podlet."""
MAIN_NAME = const(1)
"""Text, at most 32 bytes."""
MAIN_MAKER = const(2)
"""Text, at most 32 bytes."""
MAIN_BATCH = const(3)
"""Text, at most 16 bytes."""
MAIN_FILL_NL = const(4)
"""nL in a full podlet."""
MAIN_DOSE_NL = const(5)
"""nL of one dose."""
MAIN_DOSE_COUNT = const(6)
"""Doses in a full podlet."""
MAIN_SESSION_CAP_NL = const(7)
"""nL at most in one session."""
MAIN_MIN_INTERVAL_S = const(8)
"""s at least between two doses."""
MAIN_OUTLET_MIN_CDEG = const(9)
"""0.01 degC: below, no dose."""
MAIN_OUTLET_MAX_CDEG = const(10)
"""0.01 degC: above, no dose."""
MAIN_FLOW_NL_MS = const(11)
"""nL per ms of open valve at the outlet's working temperature: the liquid's viscosity class."""
MAIN_MADE_DAY = const(12)
"""Days since 1970-01-01."""
MAIN_EXPIRES_DAY = const(13)
"""Days since 1970-01-01; the last good day."""
MAIN_PAO_DAYS = const(14)
"""Days after the first use."""
MAIN_INCI = const(15)
"""Text: ingredients."""
MAIN_ALLERGENS = const(16)
"""Bits, assigned by the format's document."""
MAIN_CLEANING = const(17)
"""true: a cleaning podlet."""

SLOT_FMT = "<HHIHHI"
"""seq, doses used, nL used, first use (day since 1970), session number of the last use, CRC-32."""
SLOT_SIZE = const(16)
