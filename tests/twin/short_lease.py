# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a twin, for tests of what serves it."""

from typing import Any


class ShortLease:
    """A twin whose host's lease is short; virtual time goes on as far as it is asked to. It `says` that each turn."""

    interpreter = "none"
    lease_ms = 500

    def __init__(self, says: bytes = b"") -> None:
        self.now_us = 0
        self._says = says

    def exchange(self, data: bytes, until_us: int, *, stop: bool = True) -> bytes:
        self.now_us = until_us
        return self._says

    def control(self, command: dict[str, Any]) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        pass
