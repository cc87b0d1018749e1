# SPDX-License-Identifier: Apache-2.0
"""Where the doser reports to: a type for the checker. Never loaded on the device."""

from typing import Protocol


class EventSink(Protocol):
    """Takes events in the tick, without allocating."""

    def emit(self, event: int, a: int, b: int) -> None:
        """`event` is an EVENT value of the protocol, `a` and `b` what its definition says."""
        ...
