# SPDX-License-Identifier: Apache-2.0
"""What goes into the store and what comes out, as plain values that need no database library."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from podsteam.errors import UsageProblem
from podsteam.recap import Summary
from podsteam.record import Record, decode
from podsteam.text import safe, whole
from podsteam.wire.messages import EventValue, PodletValue, RecordHead

LIVE = "live"
"""Source of a record that this host took from the link while the session ran."""
DEVICE = "device"
"""Source of a record that the device kept and a host pulled."""
IMPORTED = "imported"
"""Source of a record that came from a file."""

RECORDING = "recording"
COMPLETE = "complete"
CUT_OFF = "cut off"

_TAG_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_MAX_VALUE = 200
_MAX_TAGS = 100
MAX_NOTE = 4000


@dataclass(frozen=True, slots=True)
class SessionMeta:
    """What is known of a session beside its frames."""

    head: RecordHead
    """Identity, firmware, podlet and program. A live record begins with it, as a device's own does."""
    started: datetime | None = None
    """Wall-clock time, with its zone, of the head's `started_ms`. None: not known."""
    port: str = ""
    """How the device was reached."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    note: str = ""

    def __post_init__(self) -> None:
        """Raises UsageProblem for a tag or a note that the store does not take."""
        if len(self.tags) > _MAX_TAGS:
            raise UsageProblem(f"The session has {len(self.tags)} tags; {_MAX_TAGS} fit.")
        for name, value in self.tags.items():
            check_tag(name, value)
        check_note(self.note)
        if self.started is not None and self.started.tzinfo is None:
            raise ValueError("started needs a time zone")


def check_tag(name: str, value: str) -> None:
    """Raises UsageProblem when a tag's name or value is not allowed."""
    if not _TAG_NAME.fullmatch(name):
        raise UsageProblem(
            f"'{safe(name, 40)}' is no tag name; it begins with a-z and has up to 32 of a-z, 0-9, - and _."
        )
    if not value or len(value) > _MAX_VALUE:
        raise UsageProblem(f"The value of tag '{name}' must have 1 to {_MAX_VALUE} characters.")
    if not whole(value):
        raise UsageProblem(f"The value of tag '{name}' is no whole text: it has half a character.")


def check_note(note: str) -> None:
    """Raises UsageProblem when a note is too long, or no text."""
    if len(note) > MAX_NOTE:
        raise UsageProblem(f"The note has {len(note)} characters; {MAX_NOTE} fit.")
    if not whole(note):
        raise UsageProblem("The note is no whole text: it has half a character.")


def parse_tag(text: str) -> tuple[str, str]:
    """`subject=P07` as name and value. Raises UsageProblem."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageProblem(f"A tag is written name=value, such as subject=P07; '{safe(text, 40)}' has no '='.")
    check_tag(name, value)
    return name, value


class Entry(NamedTuple):
    """A session's row: everything but its frames. Text is as it was stored: show it through `text.safe`.

    First what is a column as it stands, in the store's order; then what is made of columns. A tuple, because a list has
    many and a frozen dataclass takes four times as long to make.
    """

    id: str
    state: str
    """RECORDING, COMPLETE or CUT_OFF."""
    source: str
    """LIVE, DEVICE or IMPORTED."""
    uid: str
    """The unit, as 12 hexadecimal digits."""
    boot_id: int
    session: int
    """Its number on the unit."""
    by_host: bool
    simulated: bool
    firmware: str
    firmware_hash: str
    program: str
    podlet: int
    """PODLET value at the start."""
    podlet_uid: str
    port: str
    ending: str
    """Why recording ended before the session did; empty: it did not."""
    note: str
    raw_bytes: int
    sha256: str
    started: datetime | None
    """Wall-clock time of the head's `started_ms`, with the zone that held where it was recorded."""
    stored: datetime
    """When the row was made."""
    ended: datetime | None
    """When recording ended."""
    tags: Mapping[str, str]
    summary: Summary | None
    """None while it is being recorded."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What somebody added to a session after it was recorded. None is ever changed or taken away."""

    at: datetime
    by: str
    """The account's name."""
    tags: Mapping[str, str | None]
    """Tags that it set; None: took away."""
    note: str


@dataclass(frozen=True)
class Stored:
    """A session with its frames."""

    entry: Entry
    raw: bytes
    """The frames, untouched."""
    annotations: tuple[Annotation, ...] = ()
    """In order of time."""
    head: str = ""
    """Hash of the last entry of the store's chain when the session was read: an anchor to note elsewhere."""

    @cached_property
    def record(self) -> Record:
        """The frames, decoded."""
        return decode(self.raw)

    def blinded(self) -> "Stored":
        """The same session without the podlet's identity: who looks at it cannot tell which one it was."""
        hidden = [item for item in self.record.events if item.event != EventValue.PODLET]
        record = replace(self.record, events=tuple(hidden))
        entry = self.entry._replace(podlet=PodletValue.ABSENT, podlet_uid="")
        without = Stored(entry, b"", self.annotations, self.head)
        without.__dict__["record"] = record
        return without
