# SPDX-License-Identifier: Apache-2.0
"""Blobs between host and device: what is larger than a frame, by (kind, number, offset).

    raw = pull(device, m.BlobValue.RECORD, 7)
    push(device, m.BlobValue.INBOX, 1, image)

Each side sends as far as the other's credit reaches, and what is missing is sent again. Every 8192 bytes are proved by
their SHA-256, computed by the device over what it has stored. Nothing but what has arrived needs to be remembered, so
that a transfer goes on where it was after a lost connection, under whatever name the port has then.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from podsteam.client import Device
from podsteam.connection import RECONNECT_S
from podsteam.errors import DeviceLost, Incomplete, IntegrityFailed, Refused
from podsteam.rate import can_raise, raised
from podsteam.wire import messages as m

SUM = 8192
"""Bytes that one checksum is over."""
WINDOW = 4096
"""Least credit, B: the bytes that are on their way within a round trip, twice."""
WINDOW_S = 0.18
"""Credit in seconds of the line: 16 KiB at 921600 baud."""
TRIES = 5
"""Times that checksums may fail."""
FRUITLESS = 60
"""Times that a part may be asked for, and answered, without any of it arriving: a line that turns one bit in a thousand
lets one frame in eight through."""
_WHOLE = 0xFFFFFFFF
_PIECE = 243
_TEN_BITS = 10
_SILENCE_S = 0.1
_T = TypeVar("_T")
Progress = Callable[[int, int], None]


def resumed(device: Device, transfer: "Pull | Push", within_s: float = RECONNECT_S) -> None:
    """Carry a transfer out, on a faster line where there is one, and after a lost connection go on with it. Raises
    DeviceLost when the device stays away for `within_s`, or is lost again and again without anything having come
    between."""
    before = -1
    while True:
        try:
            with raised(device, transfer.left() if can_raise(device) else 0):
                transfer.carry_on()
            return
        except DeviceLost:
            if within_s <= 0 or transfer.done == before:
                raise
            before = transfer.done
            device.reconnect(within_s)


def pull(
    device: Device, kind: int, number: int, progress: Progress | None = None, within_s: float = RECONNECT_S
) -> bytes:
    """Fetch a blob whole. `progress` gets the bytes so far and in all.

    Raises Refused (NOT_FOUND), IntegrityFailed when its checksums keep failing, DeviceLost as `resumed` says.
    """
    transfer = Pull(device, kind, number, progress)
    resumed(device, transfer, within_s)
    return bytes(transfer.data)


def push(
    device: Device, kind: int, number: int, data: bytes, progress: Progress | None = None, within_s: float = RECONNECT_S
) -> None:
    """Send a blob whole; what an earlier push of the same bytes has brought is not sent again.

    Returns when the device has stored all of it and its checksums agree. Raises as `pull` does; Refused with
    BUSY_SESSION while a session runs, STORE_FAILED when there is no room.
    """
    resumed(device, Push(device, kind, number, data, progress), within_s)


def _baud(device: Device) -> int:
    return int(getattr(device.port, "baud", 115200))


class _Transfer:
    """What both ways share."""

    def __init__(self, device: Device, kind: int, number: int, progress: Progress | None) -> None:
        self._device = device
        self._kind = kind
        self._number = number
        self._progress = progress
        self.done = 0
        """Bytes that have arrived."""
        self.again = 0
        """Bytes that were asked for, or sent, more than once."""
        self._moved = 0.0

    def _silence_s(self) -> float:
        """Time after which nothing more is on its way."""
        trips = self._device.link.round_trips
        return self._device.in_clock(_SILENCE_S) + 2 * trips.smoothed_s + 4 * trips.deviation_s

    def _tell(self, size: int) -> None:
        if self._progress is not None:
            self._progress(self.done, size)

    def _sum(self, offset: int, length: int) -> bytes:
        request = m.BlobSumRequest(self._kind, self._number, offset, length)
        return self._device.request(request, m.BlobSumReply).sha256


class Pull(_Transfer):
    """One blob on its way here."""

    def __init__(
        self, device: Device, kind: int, number: int, progress: Progress | None = None, have: bytes = b""
    ) -> None:
        """Asks for nothing yet. `have`: the blob's beginning, from an earlier transfer: proved, not sent again."""
        super().__init__(device, kind, number, progress)
        self.data = bytearray()
        self._have = have
        self.had = 0
        """Bytes of it that were the device's too."""
        self._missing: list[tuple[int, int]] | None = None
        self._unproved: list[tuple[int, int]] = []
        self._early: list[bytes] = []
        self._failed = 0
        self._credit = 0
        self._end = 0
        self._next = 0
        self._window = WINDOW

    def carry_on(self) -> None:
        """Fetch what is missing. Raises DeviceLost; called again, it goes on."""
        device = self._device
        self._window = max(WINDOW, int(_baud(device) / _TEN_BITS * WINDOW_S))
        device.link.on_bulk = self._take
        silent = 0
        try:
            if self._missing is None:
                self._first()
            while self._missing or self._unproved:
                before = self.done
                if self._missing:
                    self._fetch(*self._missing[0])
                silent = silent + 1 if self.done == before else 0
                if silent > FRUITLESS:
                    raise Incomplete(
                        f"Nothing more arrives after {self.done} of {len(self.data)} bytes; pull it again."
                    )
                while (piece := self._provable()) is not None:
                    silent = 0
                    self._prove(*piece)
        finally:
            device.link.on_bulk = None

    def left(self) -> int:
        """Bytes that have not arrived yet; asks the device for the blob's size if nobody knows it."""
        if self._missing is not None:
            return sum(b - a for a, b in self._missing)
        request = m.BlobReadRequest(self._kind, self._number, 0, 0, 0)
        return max(0, self._device.request(request, m.BlobReadReply).size - len(self._have))

    def beginning(self) -> bytes:
        """What is here without a gap, for a transfer that goes on later (`have`)."""
        if self._missing is None:
            return self._have
        return bytes(self.data[: self._missing[0][0]] if self._missing else self.data)

    def _first(self) -> None:
        """Ask for all of it, whose size nobody knows yet: data that comes with the answer waits for it."""
        begin = len(self._have)
        self._credit = begin + self._window
        self._moved = self._device.port.clock.now()
        request = m.BlobReadRequest(self._kind, self._number, begin, _WHOLE, self._credit)
        try:
            size = self._device.request(request, m.BlobReadReply).size
        except Refused as e:
            if e.name != "OUT_OF_RANGE" or not begin:
                raise
            # The blob is shorter by now, so it is another one.
            self._have = b""
            self._first()
            return
        self.data = bytearray(size)
        self.data[:begin] = self._have
        self.had = begin
        self.done = begin
        self._missing = [(begin, size)] if size > begin else []
        self._unproved = [(at, min(at + SUM, size)) for at in range(0, size, SUM)]
        self._next, self._end = begin, size
        early, self._early = self._early, []
        for body in early:
            self._take(body)
        self._watch(size)

    def _fetch(self, begin: int, end: int) -> None:
        """Ask for a part and take what comes of it. What was lost on the way is missing afterwards."""
        self._next, self._end = begin, end
        self._credit = min(end, begin + self._window)
        request = m.BlobReadRequest(self._kind, self._number, begin, end, self._credit)
        self._moved = self._device.port.clock.now()
        self._device.request(request, m.BlobReadReply)
        self._watch(end)

    def _watch(self, end: int) -> None:
        """Take what comes until it is all there, or nothing comes any more."""
        device = self._device
        clock = device.port.clock
        silence_s = self._silence_s()
        while self._next < end:
            left_s = self._moved + silence_s - clock.now()
            if left_s <= 0:
                return
            device.link.receive(left_s)
            if (piece := self._provable()) is not None:
                self._prove(*piece)
                silence_s = self._silence_s()

    def _take(self, body: bytes) -> None:
        """A frame of the blob. Runs within whatever reads the line."""
        if body[0] != m.BlobData.ID:
            return
        if self._missing is None:
            self._early.append(body)
            return
        part = m.BlobData.unpack(body[2:])
        end = part.offset + len(part.data)
        if not part.data or end > len(self.data):
            return
        self.data[part.offset : end] = part.data
        self._missing = without(self._missing, part.offset, end)
        self.done = len(self.data) - sum(b - a for a, b in self._missing)
        self._next = max(self._next, end)
        self._moved = self._device.port.clock.now()
        if self._credit < self._end and self._next + self._window - self._credit >= self._window // 4:
            self._credit = min(self._end, self._next + self._window)
            self._device.link.send(m.Credit(self._next, self._credit))
        self._tell(len(self.data))

    def _provable(self) -> tuple[int, int] | None:
        """A piece that is here and not proved yet."""
        missing = self._missing or []
        first = missing[0][0] if missing else len(self.data)
        for piece in self._unproved:
            if piece[1] <= first:
                return piece
            if all(b <= piece[0] or a >= piece[1] for a, b in missing):
                return piece
        return None

    def _prove(self, begin: int, end: int) -> None:
        found = self._sum(begin, end - begin)
        self._unproved.remove((begin, end))
        if hashlib.sha256(self.data[begin:end]).digest() != found:
            self._failed += 1
            if self._failed > TRIES:
                raise IntegrityFailed("What arrives is not what the device has; the data changes, or the line lies.")
            self.had = min(self.had, begin)
            self._unproved.append((begin, end))
            self._missing = sorted([*(self._missing or []), (begin, end)])


def without(parts: list[tuple[int, int]], begin: int, end: int) -> list[tuple[int, int]]:
    """The sorted parts less one stretch."""
    if begin >= end:
        return parts
    left: list[tuple[int, int]] = []
    for a, b in parts:
        if b <= begin or a >= end:
            left.append((a, b))
            continue
        if a < begin:
            left.append((a, begin))
        if b > end:
            left.append((end, b))
    return left


class _Send(_Transfer, ABC):
    """Bytes on their way to the device, as far as its credit reaches."""

    def __init__(self, device: Device, kind: int, number: int, data: bytes, progress: Progress | None = None) -> None:
        """Sends nothing yet."""
        super().__init__(device, kind, number, progress)
        self._data = data
        self._up_to = 0
        self._sent = 0
        self._told = False

    def left(self) -> int:
        """Bytes that have not arrived yet, as far as is known here."""
        return len(self._data) - self.done

    @abstractmethod
    def _ask(self) -> int:
        """Where the device is; returns the largest piece that it takes."""

    def _at(self, have: int, up_to: int, piece: int) -> int:
        """The device said where it is; returns the largest piece to send."""
        self.done = self._sent = have
        self._up_to = up_to
        return max(1, min(piece or _PIECE, _PIECE))

    def _send_all(self) -> None:
        device = self._device
        clock = device.port.clock
        size = len(self._data)
        piece = self._ask()
        silent = 0
        furthest = self.done
        while self.done < size:
            self._told = False
            while self._sent < size and (end := min(self._sent + piece, size)) <= self._up_to:
                device.link.send(m.BlobData(self._sent, self._data[self._sent : end]))
                self._sent = end
            self._moved = clock.now()
            # What was sent first has to leave the host: the line's own time comes on top.
            on_line_s = device.in_clock((self._sent - self.done) * _TEN_BITS * 1.2 / _baud(device))
            patience_s = self._silence_s() + on_line_s
            while not self._told and clock.now() < self._moved + patience_s:
                device.link.receive(self._moved + patience_s - clock.now())
            if not self._told:
                piece = self._ask()
            if self.done > furthest:
                furthest, silent = self.done, 0
            else:
                silent += 1
                if silent > FRUITLESS:
                    raise Incomplete(f"The device takes no more after {self.done} of {size} bytes; push it again.")

    def _take(self, body: bytes) -> None:
        """A credit. Runs within whatever reads the line."""
        if body[0] != m.Credit.ID:
            return
        credit = m.Credit.unpack(body[2:])
        if credit.have <= self.done and credit.have < self._sent:
            # It misses what follows: a piece was lost, or did not get stored.
            self.again += self._sent - credit.have
            self._sent = credit.have
        self.done = credit.have
        self._up_to = credit.up_to
        self._told = True
        self._tell(len(self._data))


class Push(_Send):
    """One blob on its way to the device."""

    def carry_on(self) -> None:
        """Send what the device lacks. Raises DeviceLost; called again, it goes on."""
        device = self._device
        device.link.on_bulk = self._take
        try:
            for _ in range(TRIES):
                self._begin()
                self._send_all()
                if self._agrees(len(self._data)):
                    return
                self._anew()
            raise IntegrityFailed("What the device has stored is not what was sent; its flash may be worn.")
        finally:
            device.link.on_bulk = None

    def _ask(self, anew: bool = False) -> int:
        request = m.BlobWriteRequest(self._kind, self._number, len(self._data), anew)
        reply = self._device.request(request, m.BlobWriteReply)
        return self._at(reply.offset, reply.up_to, reply.piece)

    def _anew(self) -> None:
        """Let the device forget what it has."""
        self._ask(anew=True)

    def _begin(self) -> None:
        self._ask()
        if self.done > len(self._data) or (self.done and not self._agrees(self.done)):
            self._anew()

    def _agrees(self, upto: int) -> bool:
        """Whether what the device has stored of the first `upto` bytes is what is to be there."""
        at = 0
        while at < upto:
            try:
                reply = self._device.request(
                    m.BlobSumRequest(self._kind, self._number, at, min(SUM, upto - at)), m.BlobSumReply
                )
            except Refused as e:
                if e.name == "STORE_FAILED":
                    raise
                # Nothing is stored from here on: what has arrived is still in the device's buffer.
                return upto < len(self._data)
            part = self._data[at : at + reply.length]
            if not reply.length or hashlib.sha256(part).digest() != reply.sha256:
                return False
            at += reply.length
            if reply.length < SUM and at < upto:
                return upto < len(self._data)
        return True


class Stream(_Send):
    """A package, or the rest of one, on its way into an update that was begun."""

    def __init__(self, device: Device, offset: int, data: bytes, window: int, progress: Progress | None = None) -> None:
        """`offset`: where it begins in the package; `window`: 0, or that of the packed `data`. Sends nothing yet."""
        super().__init__(device, m.BlobValue.INBOX, 0, data, progress)
        self._offset = offset
        self._window = window

    def carry_on(self) -> None:
        """Send it whole. What the device makes of it, it tells afterwards. Raises Refused, DeviceLost."""
        self._device.link.on_bulk = self._take
        try:
            self._send_all()
        finally:
            self._device.link.on_bulk = None

    def _ask(self) -> int:
        request = m.UpdateStreamRequest(self._offset, len(self._data), self._window)
        reply = self._device.request(request, m.UpdateStreamReply)
        return self._at(reply.have, reply.up_to, reply.piece)
