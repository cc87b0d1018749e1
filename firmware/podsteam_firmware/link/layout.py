# SPDX-License-Identifier: Apache-2.0
"""Where things stand in the buffers of the link."""

from podsteam_protocol.const import const

BODY = const(8)
"""Where the fields of a reply start in its buffer: after the frame's header (4) and the boot id (4)."""
CHUNK = const(200)
"""Most bytes of tag or record data in one reply."""
