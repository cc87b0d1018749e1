# SPDX-License-Identifier: Apache-2.0
"""Session records from a device's flash into the store of this computer, each once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from podsteam.client import Device
from podsteam.errors import Incomplete, IntegrityFailed, PodsteamError
from podsteam.record import decode
from podsteam.text import name_of
from podsteam.wire import messages as m
from podsteam_protocol.frame import MAX_BODY, Splitter

if TYPE_CHECKING:
    from podsteam.store.database import Store

HEAD_BYTES = MAX_BODY + 16
"""So much of a record holds its head in any case."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """One record that is here now."""

    record: str
    head: m.RecordHead
    complete: bool

    def data(self) -> dict[str, Any]:
        """The fields as a dict for JSON."""
        return {
            "record": self.record,
            "unit": self.head.uid.hex(),
            "boot_id": self.head.boot_id,
            "session": self.head.session,
            "program": name_of(self.head.program[:16]),
            "complete": self.complete,
        }


@dataclass(slots=True)
class Result:
    """What a pull brought."""

    new: list[Pulled] = field(default_factory=list[Pulled])
    had: int = 0
    """Records that were here already."""
    problem: PodsteamError | None = None
    """Why not everything came; what came is kept."""


def pull_records(device: Device, store: "Store", progress: Callable[[int, int], None] | None = None) -> Result:
    """Fetch every record that the store lacks, but for that of a session that still runs.

    `progress` gets the number of the record and how many there are.
    """
    result = Result()
    status = device.status()
    running = status.session if m.StateValue.WARM_UP <= status.state <= m.StateValue.PAUSED else -1
    entries = [entry for entry in device.records() if entry.record != running]
    skipped: list[int] = []
    for done, entry in enumerate(entries):
        if progress is not None:
            progress(done + 1, len(entries))
        try:
            _pull(device, store, entry, result)
        except IntegrityFailed:
            skipped.append(entry.record)
        except Incomplete as e:
            result.problem = e
        except PodsteamError as e:
            if not result.new:
                raise
            kept = len(result.new) + result.had
            result.problem = Incomplete(f"{kept} of {len(entries)} records are here, then: {e}")
            return result
    if skipped and result.problem is None:
        numbers = ", ".join(str(number) for number in skipped)
        result.problem = IntegrityFailed(f"Record {numbers} has no readable beginning; it was left there.")
    return result


def _pull(device: Device, store: "Store", entry: m.RecordListReply, result: Result) -> None:
    """One record, unless it is here."""
    head = head_of(device.record(entry.record, min(entry.size, HEAD_BYTES)))
    if store.has_device_record(head.uid.hex(), head.boot_id, head.session):
        result.had += 1
        return
    raw = device.record(entry.record, entry.size)
    from podsteam.store import SessionMeta

    key = store.add_device_record(SessionMeta(head, port=device.port.name), raw)
    result.new.append(Pulled(key, head, decode(raw).summary.complete))


def head_of(beginning: bytes) -> m.RecordHead:
    """A record's head from its first bytes. Raises IntegrityFailed when they do not begin with one."""
    for is_frame, body in Splitter().feed(beginning):
        if is_frame and body[0] == m.RecordHead.ID:
            return m.RecordHead.unpack(body[2:])
        break
    raise IntegrityFailed("The record has no readable beginning.")
