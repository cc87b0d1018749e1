# SPDX-License-Identifier: Apache-2.0
"""Between a twin that is a process of its own and whoever started it.

A request is `op u8, length u32 LE, payload`; an answer is `length u32 LE, payload`. Op EXCHANGE passes bytes and runs
virtual time, op CONTROL carries a control command as JSON. Op BUILD carries the options as JSON and comes
first; when it comes again, a new board takes the place of the one before.
"""

EXCHANGE = 1
CONTROL = 2
BUILD = 3
REQUEST_FMT = "<BI"
"""Head of a request."""
EXCHANGE_FMT = "<qB"
"""until_us, 1: come back as soon as bytes have left the device."""
REPLY_FMT = "<qH"
"""now_us, ms left of the host's lease (0: nobody holds it)."""
