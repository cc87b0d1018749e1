# SPDX-License-Identifier: Apache-2.0
"""The hardware's verbs: documented in `verbs`, implemented by `esp32` (the one door) and by the simulated board."""

from podsteam_protocol.const import const

LINK_RX = const(1)
"""Bit of `wait`'s answer: bytes have arrived on the link."""
NFC_READY = const(2)
"""Bit of `wait`'s answer: the reader has an answer ready."""
BURST_DONE = const(4)
"""Bit of `wait`'s answer: a burst has ended."""
VALVE_DONE = const(8)
"""Bit of `wait`'s answer: a valve pulse has ended."""
