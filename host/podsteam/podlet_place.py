# SPDX-License-Identifier: Apache-2.0
"""Where a podlet is: on the tag in a device's holder, or in a file with a tag's memory. Both are read and written."""

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from podsteam.errors import IntegrityFailed, Refused, UsageProblem, WrongVersion
from podsteam.podlet_image import DUMPS, blank, spans, uid_of
from podsteam.refusals import sentence
from podsteam.wire import messages as m

if TYPE_CHECKING:
    from podsteam.cli.base import Settings
    from podsteam.client import Device


class Place(Protocol):
    """A tag's memory, from page 0 on, and how another is stored in its place."""

    memory: bytes
    name: str
    uid: bytes

    def store(self, image: bytes) -> int:
        """Write what differs; returns the pages written. Raises PodsteamError."""
        ...


class _File:
    """A dump."""

    def __init__(self, path: Path, memory: bytes) -> None:
        self.memory = memory
        self.name = str(path)
        self.uid = uid_of(memory)
        self._path = path

    def store(self, image: bytes) -> int:
        from podsteam.report.files import write_files

        dynamic = self.memory[-20:-18] if len(self.memory) in DUMPS else bytes(2)
        _none_locked(self.memory, image, dynamic)
        write_files({self._path: image}, True)
        return _pages(self.memory, image)


class Holder:
    """The tag in the holder. `password`: its 4 bytes, when it lies behind one."""

    def __init__(self, device: "Device", memory: bytes, password: bytes = b"") -> None:
        self.memory = memory
        self.name = f"the tag {uid_of(memory).hex()}"
        self.uid = uid_of(memory)
        self._device = device
        self._password = password

    def store(self, image: bytes) -> int:
        """As `Place.store`. Raises Refused; IntegrityFailed when the tag did not take it, which may be in part."""
        self._writable(image)
        for page, data in spans(self.memory, image):
            try:
                self._device.write_podlet(self.uid, page, data)
            except Refused as e:
                raise type(e)(f"{e} Page {page} and those after it were not written.", e.code, e.name) from e
        self._device.settled_podlet()
        found = self._device.podlet_memory(len(image))
        if found != image[: len(found)]:
            raise IntegrityFailed("The tag does not hold what was written; hold it still and write again.")
        return _pages(self.memory, image)

    def _writable(self, image: bytes) -> None:
        """Look at locks and password first: a tag that refuses half of it would hold no podlet at all.

        Raises Refused, IntegrityFailed. What the tag, or an older device, does not tell is found out by writing.
        """
        try:
            reply = self._device.podlet_tag(self._password)
        except WrongVersion:
            reply = m.PodletTagReply()
        if self._password and (problem := problem_of(reply)):
            raise problem
        told = reply.state == m.WriteValue.DONE
        _none_locked(self.memory, image, reply.locks[2:4] if told else bytes(2))
        last = max(_differing(self.memory, image), default=0)
        if not told or self._password or last < reply.auth0:
            return
        way = "it counts wrong ones, so use the reader that set it up" if reply.access & 7 else "give it by --password"
        raise IntegrityFailed(
            f"The tag is behind a password from page {reply.auth0} on, so nothing was written; {way}."
        )


def problem_of(reply: m.PodletTagReply) -> Refused | None:
    """Why the device could not look at the tag, or did not open it; None: it did."""
    if reply.state == m.WriteValue.DONE:
        return None
    name = m.CODES[reply.code].name if reply.code in m.CODES else ""
    return Refused(f"The tag: {sentence(reply.code)}.", reply.code, name)


def _pages(old: bytes, new: bytes) -> int:
    return len(_differing(old, new))


def _differing(old: bytes, new: bytes) -> list[int]:
    return [at // 4 for at in range(0, len(new), 4) if old[at : at + 4] != new[at : at + 4]]


def _none_locked(old: bytes, new: bytes, dynamic: bytes) -> None:
    """Raises IntegrityFailed when a page that would have to change is locked. `dynamic`: the lock bytes for those from
    page 16 on, a bit for two of an NTAG213's pages or 16 of the others'."""
    grain = 2 if old[14] == 0x12 else 16
    static, others = (int.from_bytes(bits, "little") for bits in (old[10:12], dynamic))
    for page in _differing(old, new):
        if static >> page & 1 if page < 16 else others >> (page - 16) // grain & 1:
            raise IntegrityFailed(f"Page {page} of the tag is locked, so nothing was written.")


def read_dump(path: Path) -> bytes:
    """A file with a tag's memory. Raises UsageProblem."""
    try:
        memory = path.read_bytes()
    except OSError as e:
        raise UsageProblem(f"{path}: cannot be read ({e.strerror or e}).") from e
    if not 16 < len(memory) <= 1024:
        raise UsageProblem(f"{path}: {len(memory)} bytes are no tag's memory.")
    return memory


@contextlib.contextmanager
def opened(
    settings: "Settings", path: Path | None, model: str, source: Path | None = None, password: bytes = b""
) -> Generator[Place]:
    """The place that a command means: a dump, new when `model` is given and there is none, or the tag in the holder.

    `source`: another dump whose memory is taken instead. `password`: of the tag in the holder. Raises PodsteamError.
    """
    if path is not None:
        if password:
            raise UsageProblem("--password is for the tag in the holder; a dump needs none.")
        read = source or path
        if model and not read.exists():
            if model not in DUMPS.values():
                raise UsageProblem(f"--tag must be one of {', '.join(DUMPS.values())}, not {model!r}.")
            yield _File(path, blank(model))
        else:
            yield _File(path, read_dump(read))
        return
    from podsteam.cli.connect import open_device

    with open_device(settings) as device:
        reply = device.settled_podlet()
        memory = device.podlet_memory(reply.size) if reply.size else b""
        if len(memory) < 64:
            raise IntegrityFailed(
                "There is no tag in the holder that could be read; insert an NTAG213, 215 or 216, alone, whose pages "
                "can be read without a password."
            )
        yield Holder(device, memory, password)
