# SPDX-License-Identifier: Apache-2.0
"""Where the doser reports to: types for the checker. Never loaded on the device."""

from typing import Protocol


class EventSink(Protocol):
    """Takes events in the tick, without allocating."""

    def emit(self, event: int, a: int, b: int) -> None:
        """`event` is an EVENT value of the protocol, `a` and `b` what its definition says."""
        ...


class DoseBook(Protocol):
    """Takes down each shot in the tick, without allocating."""

    minute: int
    """Known time, minutes."""

    def ready(self) -> bool:
        """Whether the next shot can be written down."""
        ...

    def intent(self, nl: int, dose_no: int) -> bool:
        """`nl` will be given, as the podlet's dose `dose_no`. False: it must not be given."""
        ...

    def result(self, result: int, nl: int) -> None:
        """What became of the last intent, a DOSE value."""
        ...
