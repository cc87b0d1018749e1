# SPDX-License-Identifier: Apache-2.0
"""Events by number: each once and in order, whatever the line lost or brought twice."""

_HALF = 0x8000
_MASK = 0xFFFF


class EventOrder:
    """Holds back what comes after a gap until the gap is filled or given up. Events are kept as frame bodies."""

    def __init__(self) -> None:
        self.expected = -1
        """Number of the next event to deliver, -1: whichever comes first."""
        self.lost = 0
        """Events that could not be had again."""
        self._ahead: dict[int, bytes] = {}

    @property
    def gap(self) -> bool:
        """Whether an event is missing."""
        return bool(self._ahead)

    def start(self, number: int) -> None:
        """The next event is `number`. Forgets what was held back."""
        self.expected = number & _MASK
        self._ahead.clear()

    def behind(self, next_number: int) -> bool:
        """Whether events before `next_number` (what the device will number next) have not arrived."""
        return self.expected >= 0 and 0 < (next_number - self.expected) & _MASK < _HALF

    def put(self, number: int, body: bytes) -> list[bytes]:
        """Take one as it arrives; returns those that can be delivered now, in order."""
        if self.expected < 0:
            self.expected = number
        if (number - self.expected) & _MASK >= _HALF:
            return []  # Has been delivered.
        self._ahead[number] = body
        return self._ready()

    def skip_to(self, number: int) -> list[bytes]:
        """The device has nothing before `number`: count what is lost, deliver what was held back behind it."""
        distance = (number - self.expected) & _MASK
        if self.expected < 0 or distance >= _HALF:
            return []
        ready: list[bytes] = []
        for _ in range(distance):
            if (body := self._ahead.pop(self.expected, None)) is not None:
                ready.append(body)
            else:
                self.lost += 1
            self.expected = (self.expected + 1) & _MASK
        return ready + self._ready()

    def _ready(self) -> list[bytes]:
        ready: list[bytes] = []
        while (body := self._ahead.pop(self.expected, None)) is not None:
            ready.append(body)
            self.expected = (self.expected + 1) & _MASK
        return ready
