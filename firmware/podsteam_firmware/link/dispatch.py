# SPDX-License-Identifier: Apache-2.0
"""From a request's id to its handler; whatever happens, a request is answered.

A handler is `f(core, now_ms, payload, reply) -> int`: it reads its fields from `payload`, writes those of its reply
into `reply` from `BODY`, and returns their length, or the negative CODE of a refusal; `refuse` adds the field at fault.
"""

import struct

from podsteam_firmware.link import requests_link, requests_session, requests_store
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podsteam_firmware.core import Core

    Handler = Callable[[Core, int, memoryview, bytearray], int]

_NO_ARG = const(255)
_LAST_FROZEN = const(0x0F)


class Dispatcher:
    """The table, and what a refusal carries."""

    def __init__(self, core: "Core") -> None:
        self._core = core
        self._handlers: "dict[int, tuple[int, Handler]]" = {}
        for handlers in (requests_link.HANDLERS, requests_session.HANDLERS, requests_store.HANDLERS):
            self._handlers.update(handlers)
        self.token = 0
        """Token of the last HELLO, 0: none yet."""
        self.arg = _NO_ARG
        """Index of the field at fault in the last refusal."""
        self.detail = 0

    @property
    def connected(self) -> bool:
        """Whether a host has said HELLO since the start."""
        return self.token != 0

    def same_token(self, payload: memoryview) -> bool:
        """Whether a HELLO comes from the host that is connected already."""
        return len(payload) >= 4 and struct.unpack_from("<I", payload, 0)[0] == self.token

    def refuse(self, code: int, arg: int, detail: int) -> int:
        """Refuse with the index of the field at fault and a figure; returns what the handler returns."""
        self.arg = arg
        self.detail = detail
        return -code

    def _late(self, kind: int) -> "tuple[int, Handler] | None":
        """The handler of a request whose code is loaded when it is first asked for."""
        if m.BLOB_READ <= kind <= m.BLOB_DELETE:
            from podsteam_firmware.link import requests_bulk as late
        elif kind == m.CONFIG_GET or kind == m.CONFIG_SET or kind == m.CONFIG_NOTES:
            from podsteam_firmware.link import requests_config as late
        elif kind == m.TUNE or kind == m.TUNE_GET:
            from podsteam_firmware.link import requests_tune as late
        elif kind == m.BAUD:
            from podsteam_firmware.link import rate as late
        elif kind == m.CLOCK:
            from podsteam_firmware.link import requests_clock as late
        elif m.ALLERGENS <= kind <= m.PODLET_TAG:
            from podsteam_firmware.link import requests_care as late
        elif kind in (m.PODLET_WRITE, m.PODLET_KEYS, m.CAL_SET, m.DESCALE_DONE, m.DOSE_CAL_SET):
            from podsteam_firmware.link import requests_unit as late
        else:
            return None
        self._handlers.update(late.HANDLERS)
        return self._handlers.get(kind)

    def handle(self, now_ms: int, kind: int, payload: memoryview, reply: bytearray) -> int:
        """Run one request. Returns the length of the reply's fields or a negative CODE."""
        self.arg = _NO_ARG
        self.detail = 0
        entry = self._handlers.get(kind)
        if entry is None and m.UPDATE_GET <= kind <= m.UPDATE_STREAM:
            from podsteam_firmware.link import requests_update

            entry = requests_update.HANDLERS.get(kind)
        elif entry is None and m.IDENTITY_GET <= kind <= m.IDENTITY_KEEP:
            from podsteam_firmware.link import requests_identity

            entry = requests_identity.HANDLERS.get(kind)
        if entry is None:
            if kind < m.BLOB_READ and self._core.session.heating():
                # Loading takes longer than a tick can wait; a device that makes steam has other things to do.
                return -m.CODE_BUSY_SESSION
            entry = self._late(kind)
        if entry is None:
            return -m.CODE_UNKNOWN_MESSAGE
        if not self.connected and kind > _LAST_FROZEN and kind != m.STOP:
            return -m.CODE_NO_HELLO
        size, handler = entry
        if len(payload) < size:
            return -m.CODE_MALFORMED
        return handler(self._core, now_ms, payload, reply)
