# SPDX-License-Identifier: Apache-2.0
"""Where a podlet is: on the tag in a device's holder, or in a file with a tag's memory. Both are read and written."""

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from podsteam.errors import IntegrityFailed, Refused, UsageProblem
from podsteam.podlet_image import DUMPS, blank, spans, uid_of

if TYPE_CHECKING:
    from podsteam.cli.base import Settings
    from podsteam.client import Device


class Place:
    """A tag's memory, from page 0 on, and how another is stored in its place."""

    def __init__(self, memory: bytes, name: str) -> None:
        self.memory = memory
        self.name = name
        self.uid = uid_of(memory)

    def store(self, image: bytes) -> int:
        """Write what differs; returns the pages written. Raises PodsteamError."""
        raise NotImplementedError


class _File(Place):
    """A dump."""

    def __init__(self, path: Path, memory: bytes) -> None:
        super().__init__(memory, str(path))
        self._path = path

    def store(self, image: bytes) -> int:
        from podsteam.report.files import write_files

        locked = _locked(self.memory, image)
        if locked >= 0:
            raise IntegrityFailed(f"Page {locked} of the tag is locked, so nothing was written.")
        write_files({self._path: image}, True)
        return _pages(self.memory, image)


class Holder(Place):
    """The tag in the holder."""

    def __init__(self, device: "Device", memory: bytes) -> None:
        super().__init__(memory, f"the tag {uid_of(memory).hex()}")
        self._device = device

    def store(self, image: bytes) -> int:
        """As `Place.store`. Raises Refused; IntegrityFailed when the tag did not take it, which may be in part."""
        locked = _locked(self.memory, image)
        if locked >= 0:
            raise IntegrityFailed(f"Page {locked} of the tag is locked, so nothing was written.")
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


def _pages(old: bytes, new: bytes) -> int:
    return sum(old[at : at + 4] != new[at : at + 4] for at in range(0, len(new), 4))


def _locked(old: bytes, new: bytes) -> int:
    """The first page that would have to change and is locked, -1: none. Pages from 16 on are locked by other bits."""
    bits = old[10] | old[11] << 8
    for page in range(4, 16):
        if bits >> page & 1 and old[4 * page : 4 * page + 4] != new[4 * page : 4 * page + 4]:
            return page
    return -1


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
def opened(settings: "Settings", path: Path | None, model: str, source: Path | None = None) -> Generator[Place]:
    """The place that a command means: a dump, new when `model` is given and there is none, or the tag in the holder.

    `source`: another dump whose memory is taken instead. Raises PodsteamError.
    """
    if path is not None:
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
            raise IntegrityFailed("There is no tag in the holder that could be read; insert one, alone.")
        yield Holder(device, memory)
