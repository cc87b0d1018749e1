# SPDX-License-Identifier: Apache-2.0
"""A greeted device on an open port: the greeting, what comes unasked, lost connections, and the lease that keeps a
session alive.

Single-threaded: things happen inside the calls, and `poll` must be called often while a lease is kept or
measurements are subscribed to.
"""

import secrets
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from podsteam.errors import (
    DeviceLost,
    DeviceSilent,
    IntegrityFailed,
    NoDevice,
    NotPodsteam,
    PortBusy,
    PortForbidden,
    Refused,
    WrongVersion,
)
from podsteam.link import Link, R, Tap, Unasked
from podsteam.text import safe
from podsteam.transport.port import Port, Replugged
from podsteam.wire import messages as m
from podsteam.wire.base import Message

LEASE_EVERY_S = 0.4
"""Device time between renewals of the lease, which lapses after 1.5 s."""
SUBSCRIBE_EVERY_S = 4.0
"""Device time between renewals of the subscription, which lapses after 10 s."""
ASK_AGAIN_S = 0.5
RECONNECT_S = 30.0
"""How long a lost connection is tried again."""
RETRY_S = 0.2


class Connection:
    """A greeted device on an open port: the base of `client.Device`."""

    def __init__(self, port: Port, reopen: Callable[[str], Port] | None = None, tap: Tap | None = None) -> None:
        """Greet the device. `reopen` opens its port again, given the unit's address (`reconnect`); `tap` as for `Link`.

        Raises NotPodsteam, WrongVersion; the port is closed then.
        """
        self.port = port
        self._reopen = reopen
        self.link = Link(port, tap)
        self.link.on_message = self._arrived
        self.token = secrets.randbits(32) or 1
        self.most_baud = 921_600
        """The fastest rate that large transfers may raise the line to, bit/s; 0: they leave it as it is (`rate`)."""
        self._queue: list[Unasked] = []
        self._keeps_lease = False
        self._lease_due = 0.0
        self._period_ms = 0
        self._subscribe_due = 0.0
        self._events_due = 0.0
        self._behind = False
        try:
            self.hello = self._greet()
        except BaseException:
            port.close()
            raise
        self._boot_id = self.link.boot_id

    @classmethod
    def open(cls, name: str = "", **options: Any) -> Self:
        """Find and open a port by its name (`transport/find.py`), and greet the device on it."""
        from podsteam.transport import find

        found = find.resolve(name)
        return cls(find.open_port(found, **options), find.Reopened(found))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back. A lease that is kept lapses, which ends the session that it keeps alive."""
        self.port.close()

    # The link -----------------------------------------------------------------------------------------------
    def reconnect(self, within_s: float = RECONNECT_S) -> bool:
        """Open the lost connection again, under whatever name the unit's port has now. Whether it is the same start.

        True: the device ran on, and no event since then is missed as long as it still has them (64). False: it has
        started anew, so that what it did is over; its events come from the first one on. Raises what opening raises
        when it does not succeed within `within_s`, WrongVersion, and IntegrityFailed when only another unit answers.
        """
        clock = self.port.clock
        deadline = clock.now() + within_s
        while True:
            try:
                return self._again()
            except (DeviceLost, NoDevice, NotPodsteam, PortBusy, PortForbidden, IntegrityFailed):
                if clock.now() >= deadline:
                    raise
            clock.sleep(RETRY_S)

    def greet_again(self, within_s: float = RECONNECT_S) -> None:
        """Greet a device that was asked to restart, on the port that is still open. Raises NotPodsteam."""
        clock = self.port.clock
        deadline = clock.now() + self.in_clock(within_s)
        while True:
            self.link.boot_id = -1
            try:
                self.hello = self._greet()
                break
            except NotPodsteam:
                if clock.now() >= deadline:
                    raise
        self._boot_id = self.link.boot_id
        self.link.order.start(0)
        self._keeps_lease = False

    def _again(self) -> bool:
        unit = self.hello.uid
        if isinstance(self.port, Replugged):
            port: Port = self.port.reopen()
        else:
            self.port.close()
            if self._reopen is None:
                raise NoDevice("This device was not opened by its name; open it again.")
            port = self._reopen(unit.hex())
        self.port = port
        self.link.renew(port)
        hello = self._greet()
        if hello.uid != unit:
            raise IntegrityFailed(f"On {safe(port.name)} is another unit now, {hello.uid.hex()}.")
        self.hello = hello
        same = self.link.boot_id == self._boot_id
        self._boot_id = self.link.boot_id
        if not same:
            self.link.order.start(0)
            self._keeps_lease = False
        self._behind = True
        if self._period_ms:
            self.subscribe(self._period_ms)
        return same

    def _greet(self) -> m.HelloReply:
        shown = safe(self.port.name)
        try:
            hello = self.link.request(m.HelloRequest(self.token, m.MAJOR, m.MINOR), m.HelloReply)
        except DeviceSilent:
            raise NotPodsteam(f"{shown} does not answer as a podsteam{self._what_came()}.") from None
        except DeviceLost:
            raise NotPodsteam(f"{shown} hung up without an answer, so it is no podsteam.") from None
        except Refused as e:
            raise NotPodsteam(f"{shown} does not take part in a greeting: {e}") from None
        if hello.major != m.MAJOR:
            raise WrongVersion(
                f"The device on {shown} speaks protocol {hello.major}.{hello.minor}, this host tool"
                f" {m.MAJOR}.{m.MINOR}; update the older of the two."
            )
        return hello

    def _what_came(self) -> str:
        stray = bytes(self.link.stray)
        if not stray:
            return ": it is silent"
        if b">>> " in stray:
            return ": it shows a MicroPython prompt"
        return f": it sent '{safe(stray, 40)}'"

    def request(self, message: Message, expect: type[R]) -> R:
        """Any request and its reply: `link.Link.request`."""
        return self.link.request(message, expect)

    @property
    def simulated(self) -> bool:
        """Whether everything that this device shows is computed."""
        return bool(self.hello.caps & m.CapBits.SIMULATED)

    def in_clock(self, device_s: float) -> float:
        """A length of device time in seconds of the port's clock."""
        return device_s if self.port.virtual else device_s / max(1, self.hello.speed)

    def _arrived(self, message: Unasked) -> None:
        self._queue.append(message)

    def poll(self, timeout_s: float) -> list[Unasked]:
        """What has arrived since the last call, in order; waits up to `timeout_s` for the first of it.

        Renews lease and subscription when they are due, and asks for missing events. Raises DeviceLost.
        """
        clock = self.port.clock
        deadline = clock.now() + timeout_s
        while True:
            self._upkeep()
            if self._queue:
                break
            now = clock.now()
            if now >= deadline:
                break
            self.link.receive(max(0.0, min(deadline, self._next_due(deadline)) - now))
        arrived, self._queue = self._queue, []
        return arrived

    def _next_due(self, deadline: float) -> float:
        due = deadline
        if self._keeps_lease:
            due = min(due, self._lease_due)
        if self._period_ms:
            due = min(due, self._subscribe_due)
        if self._behind or self.link.order.gap:
            due = min(due, self._events_due)
        return due

    def _upkeep(self) -> None:
        now = self.port.clock.now()
        if self._keeps_lease and now >= self._lease_due:
            self._renew_lease(now)
        if self._period_ms and now >= self._subscribe_due:
            self.subscribe(self._period_ms)
        if (self._behind or self.link.order.gap) and now >= self._events_due:
            self._behind = False
            self._events_due = now + ASK_AGAIN_S
            self.link.recover_events()

    def keep_lease(self) -> None:
        """From now on `poll` renews the lease, until the device has no session."""
        self._keeps_lease = True
        self._lease_due = self.port.clock.now() + self.in_clock(LEASE_EVERY_S)

    def _renew_lease(self, now: float) -> None:
        self._lease_due = now + self.in_clock(LEASE_EVERY_S)
        try:
            self.request(m.LeaseRequest(self.token), m.LeaseReply)
        except Refused as e:
            if e.name != "NO_SESSION":
                raise
            self._keeps_lease = False

    # The state ----------------------------------------------------------------------------------------------
    def status(self) -> m.StatusGetReply:
        """The state in one message. Also notices events that were lost on the way, for the next `poll`."""
        status = self.request(m.StatusGetRequest(), m.StatusGetReply)
        self._behind = self._behind or self.link.order.behind(status.next_event)
        return status

    def follow(self) -> m.StatusGetReply:
        """Start to follow events from now on: none after this is missed. Returns the state."""
        status = self.request(m.StatusGetRequest(), m.StatusGetReply)
        self.link.order.start(status.next_event)
        self._queue = [message for message in self._queue if not isinstance(message, m.Event)]
        return status

    def subscribe(self, period_ms: int) -> None:
        """Ask for measurements every `period_ms` (50 to 10000) of device time, 0: no more. `poll` renews it."""
        self._subscribe_due = self.port.clock.now() + self.in_clock(SUBSCRIBE_EVERY_S)
        self._period_ms = period_ms
        self.request(m.TeleSubRequest(period_ms), m.TeleSubReply)
