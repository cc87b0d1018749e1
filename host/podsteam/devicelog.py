# SPDX-License-Identifier: Apache-2.0
"""What a device has noted about itself: events of its sessions and of this start, and its last words.

    found = pull(device, folder)

The folder keeps what was pulled: the records of sessions as the device has them, the events of each start, the last
words. What is there already is proved against the device and not sent again, so that a pull which was cut off goes on.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from podsteam import bulk
from podsteam.client import Device
from podsteam.connection import RECONNECT_S
from podsteam.errors import DeviceLost, PodsteamError, Refused, StoreFailed
from podsteam.record import decode
from podsteam.text import safe
from podsteam.wire import messages as m
from podsteam_protocol.frame import Splitter, encode

RING = 64
"""Events that a device keeps of its present start."""
LOOK_S = 1.0
"""Device time between two questions to a device that says nothing: whether it is there, and what was missed."""
_CATCH_UP_S = 3.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One event."""

    boot_id: int
    session: int
    """Of the record that holds it, 0: of none."""
    event: m.Event


@dataclass(slots=True)
class Pulled:
    """What a pull brought."""

    entries: list[Entry] = field(default_factory=list[Entry])
    """Each event once: those of the sessions' records from the oldest on, then those of each start."""
    last_words: list[str] = field(default_factory=list[str])
    """Lines of what ended the application last, safe to show."""
    had: int = 0
    """Bytes that were here already and were proved."""
    fetched: int = 0
    """Bytes that came over the line."""
    missed: int = 0
    """Events of this start that neither the device nor the folder has any more."""


def pull(
    device: Device, folder: Path, told: Callable[[str], None] | None = None, within_s: float = RECONNECT_S
) -> Pulled:
    """Bring the folder up to date and return all that is in it and on the device.

    Goes on after a lost connection, under a new port name too; `told` gets a sentence about it. Raises what
    `Device.reconnect` raises when the device stays away for `within_s`, DeviceLost when it is lost again and again,
    StoreFailed when the folder cannot be written, IntegrityFailed when what arrives is not what the device has.
    """
    found = Pulled()
    fruitless = 0
    while True:
        before = found.fetched
        try:
            size = _bring(device, folder, found)
            break
        except DeviceLost as e:
            fruitless = fruitless + 1 if found.fetched == before else 0
            if fruitless > bulk.TRIES:
                raise
            _tell(told, f"{e} It is looked for.")
            device.reconnect(within_s)
    found.had = max(0, size - found.fetched)
    found.entries = list(entries(folder))
    numbers = {each.event.number for each in found.entries if each.boot_id == device.link.boot_id}
    found.missed = max(numbers, default=-1) + 1 - len(numbers)
    return found


def _bring(device: Device, folder: Path, found: Pulled) -> int:
    """Everything that is on the device into the folder. Returns the bytes of it that are blobs."""
    _keep_recent(device, folder, found)
    running = _running(device)
    size = 0
    for entry in device.records():
        if entry.record != running:
            path = folder / f"{entry.record:05d}.record"
            size += len(_blob(device, m.BlobValue.RECORD, entry.record, path, found))
    words = _blob(device, m.BlobValue.LOG, 0, folder / "last_words", found)
    found.last_words = [safe(line) for line in words.splitlines()]
    return size + len(words)


def entries(folder: Path) -> Iterator[Entry]:
    """Every event in a folder, each once. What is damaged in a file is skipped."""
    seen: set[tuple[int, int, int]] = set()
    for path in sorted(folder.glob("*.record")):
        record = decode(_read(path))
        if record.head is None:
            continue
        for event in record.events:
            seen.add((record.head.boot_id, event.number, event.uptime_ms))
            yield Entry(record.head.boot_id, record.head.session, event)
    for path in sorted(folder.glob("*.events"), key=lambda path: (path.stat().st_mtime_ns, path.name)):
        boot_id = int(path.stem, 16) if len(path.stem) == 8 else 0
        for event in _events(_read(path)):
            if (boot_id, event.number, event.uptime_ms) not in seen:
                yield Entry(boot_id, 0, event)


def recent(device: Device) -> list[m.Event]:
    """The events of this start that the device still has, in order; those that follow come with `poll`."""
    order = device.link.order
    status = device.follow()
    lost = order.lost
    order.start(status.next_event - RING)
    device.link.recover_events()
    order.lost = lost
    clock = device.port.clock
    deadline = clock.now() + device.in_clock(_CATCH_UP_S)
    events: list[m.Event] = []
    while order.behind(status.next_event) and clock.now() < deadline:
        events += [message for message in device.poll(device.in_clock(0.2)) if isinstance(message, m.Event)]
    return events + [message for message in device.poll(0.0) if isinstance(message, m.Event)]


def follow(
    device: Device,
    over: Callable[[], bool],
    told: Callable[[str], None] | None = None,
    within_s: float = RECONNECT_S,
) -> Iterator[m.Event]:
    """New events as they come, from where the device is followed (`Device.follow`, `recent`) until `over`.

    A lost connection is opened again, under a new port name too, and what happened meanwhile comes then. `told` gets a
    sentence about each such thing. Raises DeviceLost when the device stays away for `within_s`.
    """
    clock = device.port.clock
    due = clock.now()
    while not over():
        lost = device.link.order.lost
        try:
            if clock.now() >= due:
                due = clock.now() + device.in_clock(LOOK_S)
                device.status()
            for message in device.poll(0.25):
                if isinstance(message, m.Event):
                    yield message
        except DeviceLost as e:
            _tell(told, f"{e} It is looked for.")
            same = _found_again(device, over, within_s)
            if same is None:
                return
            clock = device.port.clock
            due = clock.now()
            state = "it ran on" if same else "it has started anew"
            _tell(told, f"The device is back on {safe(device.port.name)}; {state}.")
        if device.link.order.lost > lost:
            _tell(told, f"{device.link.order.lost - lost} events were no longer on the device and are missing here.")


def _found_again(device: Device, over: Callable[[], bool], within_s: float) -> bool | None:
    """Reconnect in short tries, so that `over` ends them: what `Device.reconnect` tells, None when it is over."""
    clock = device.port.clock
    deadline = clock.now() + within_s
    while True:
        try:
            return device.reconnect(min(1.0, within_s))
        except PodsteamError:
            if clock.now() >= deadline:
                raise
        if over():
            return None


def _tell(told: Callable[[str], None] | None, sentence: str) -> None:
    if told is not None:
        told(sentence)


def _running(device: Device) -> int:
    """Number of the session that runs, -1: none does. Its record still grows."""
    status = device.status()
    return status.session if m.StateValue.WARM_UP <= status.state <= m.StateValue.PAUSED else -1


def _keep_recent(device: Device, folder: Path, found: Pulled) -> None:
    """Add the events of this start to the file of this start."""
    events = recent(device)
    path = folder / f"{device.link.boot_id:08x}.events"
    raw = _read(path)
    known = {(event.number, event.uptime_ms) for event in _events(raw)}
    new = [event for event in events if (event.number, event.uptime_ms) not in known]
    if new:
        _write(path, raw + b"".join(encode(m.Event.ID, event.number & 0xFF, event.pack()) for event in new))


def _events(raw: bytes) -> Iterator[m.Event]:
    for is_frame, body in Splitter().feed(raw):
        if is_frame and body[0] == m.Event.ID:
            yield m.Event.unpack(body[2:])


def _blob(device: Device, kind: int, number: int, path: Path, found: Pulled) -> bytes:
    """A blob, of which the file may hold the beginning; the file is as the device has it afterwards. Empty: none."""
    have = _read(path)
    transfer = bulk.Pull(device, kind, number, have=have)
    try:
        bulk.resumed(device, transfer)
    except Refused as e:
        if e.name != "NOT_FOUND":
            raise
        return b""
    except BaseException:
        # The next pull goes on from here, unless it turned out that what was kept is something else.
        if (begun := transfer.beginning())[: len(have)] == have:
            _write(path, begun)
        raise
    finally:
        found.fetched += transfer.done - transfer.had
    raw = bytes(transfer.data)
    if raw != have:
        if raw[: len(have)] != have:
            _keep_beside(path, have)
        _write(path, raw)
    return raw


def _keep_beside(path: Path, raw: bytes) -> None:
    """Keep what a file held: another session, or other words. A unit that was erased counts anew."""
    for count in range(1, 1 << 16):
        beside = path.with_name(f"{path.stem}-{count}{path.suffix}")
        if not beside.exists():
            _write(beside, raw)
            return


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as e:
        raise StoreFailed(f"{path}: cannot be read ({e.strerror}).") from e


def _write(path: Path, raw: bytes) -> None:
    new = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(raw)
        os.replace(new, path)
    except OSError as e:
        raise StoreFailed(f"{path}: cannot be written ({e.strerror}).") from e
