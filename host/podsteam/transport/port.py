# SPDX-License-Identifier: Apache-2.0
"""What the link layer needs of a port: five verbs and a clock. Every transport offers exactly this."""

import time
from typing import Protocol, Self, runtime_checkable


class Clock(Protocol):
    """The time that a port lives in: the wall clock, or the virtual time of a simulated board."""

    def now(self) -> float:
        """Seconds, monotonic, from an arbitrary start."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let that much time pass."""
        ...


class WallClock:
    """The clock of everything that is not in lock-step."""

    def now(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(max(0.0, seconds))


class Port(Protocol):
    """An open port. The verbs raise DeviceLost when what is behind the port is gone."""

    @property
    def name(self) -> str:
        """How the user named it, for messages."""
        ...

    @property
    def clock(self) -> Clock:
        """The time the port lives in."""
        ...

    @property
    def virtual(self) -> bool:
        """Whether device time and the port's clock are the same, whatever speed the device reports."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """Whatever has arrived; waits up to `timeout_s` for the first byte. Empty: nothing came."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of it."""
        ...

    def lines(self) -> dict[str, bool]:
        """The modem lines that can be read (cts, dsr, ri, cd), empty where there are none."""
        ...

    def close(self) -> None:
        """Give the port back. May be called twice."""
        ...


@runtime_checkable
class Replugged(Protocol):
    """A port that can be opened again as the object that it is: that of a simulated board, which dies with it."""

    def reopen(self) -> Self:
        """Plug the cable in again. Raises DeviceLost when the board has ended."""
        ...


@runtime_checkable
class Rated(Protocol):
    """A port whose line has a rate that can be set."""

    @property
    def clock(self) -> Clock:
        """As `Port.clock`."""
        ...

    @property
    def baud(self) -> int:
        """Rate of the line, bit/s."""
        ...

    def set_baud(self, baud: int) -> None:
        """Send and receive at `baud`, bit/s, from now on. Raises UsageProblem when the port cannot, DeviceLost."""
        ...
