# SPDX-License-Identifier: Apache-2.0
"""The device's file system as an image, made here so that `mkfs` never runs on the device: a torn one bricks it.

    files = lay_out(compiled, entry, version="0.1.0", data=defaults())
    image = build(files, 2 << 20)

The layout and the manifest of a slot are described in `docs/boot.md`. There is no boot record in a new image: the
loader finds one good slot and starts that.
"""

import binascii
import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from podsteam import programs
from podsteam.errors import UsageProblem

SLOTS = ("a", "b")
BLOCK = 4096
"""Bytes of a flash sector, the least that can be erased."""
READ_PROG, CACHE, LOOKAHEAD, BLOCK_CYCLES = 32, 128, 32, 100
"""How MicroPython mounts littlefs on the ESP32 (extmod/vfs_lfs.c)."""

_LOADER = ("podsteam_loader/", "podsteam_protocol/")
"""What stands in the root, where no update reaches it."""
_SLOT = ("podsteam_firmware/", "podsteam_protocol/")
"""What stands in every slot. The entry scripts are the loader's."""
_ENTRY = "podsteam_firmware/entry/"
_PATH = re.compile(r"[A-Za-z0-9_.-]{1,48}(/[A-Za-z0-9_.-]{1,48}){0,5}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,32}")


def manifest(files: Mapping[str, bytes], version: str) -> bytes:
    """The manifest of a slot with these files, as the loader reads it. Raises UsageProblem for a bad name."""
    if not _VERSION.fullmatch(version):
        raise UsageProblem(f"'{version}' is no version; use letters, digits, '.', '+' and '-'.")
    lines = ["podsteam-slot 1", f"version {version}"]
    # In the order of their code points, as MicroPython compares strings.
    for path, data in sorted(files.items()):
        if not _PATH.fullmatch(path) or ".." in path:
            raise UsageProblem(f"'{path}' is no path for a file on the device.")
        lines.append(f"file {len(data)} {hashlib.sha256(data).hexdigest()} {path}")
    body = "".join(f"{line}\n" for line in lines).encode()
    return body + f"end {binascii.crc32(body):08x}\n".encode()


def slot_files(compiled: Mapping[str, bytes], version: str) -> dict[str, bytes]:
    """An application slot: its files, `firmware.id` and the manifest, by path below the slot's folder."""
    files = {path: data for path, data in compiled.items() if path.startswith(_SLOT) and not path.startswith(_ENTRY)}
    if not files:
        raise UsageProblem("There is no application among the compiled files.")
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        digest.update(f"{path}\0".encode() + data)
    files["firmware.id"] = digest.hexdigest()[:16].encode()
    return {**files, "manifest": manifest(files, version)}


def lay_out(
    compiled: Mapping[str, bytes],
    entry: Mapping[str, bytes],
    version: str,
    slots: Iterable[str] = ("a",),
    data: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """Everything in the device's file system, by path.

    `compiled`: the `.mpy` files as `compiled.application` gives them. `entry`: `boot.py` and `main.py`, as
    sources, which is what the port starts. `slots`: those that get the application. `data`: files below `/data`.
    Raises UsageProblem when something is missing.
    """
    for name in ("boot.py", "main.py"):
        if name not in entry:
            raise UsageProblem(f"{name} is missing.")
    loader = {path: content for path, content in compiled.items() if path.startswith(_LOADER)}
    if not any(path.startswith(_LOADER[0]) for path in loader):
        raise UsageProblem("There is no loader among the compiled files.")
    files = {"boot.py": entry["boot.py"], "main.py": entry["main.py"], **loader}
    application = slot_files(compiled, version)
    for slot in slots:
        if slot not in SLOTS:
            raise UsageProblem(f"'{slot}' is no slot; there are a and b.")
        files.update({f"{slot}/{path}": content for path, content in application.items()})
    files.update({f"data/{path}": content for path, content in (data or {}).items()})
    return files


def defaults() -> dict[str, bytes]:
    """What a new device has below `/data`: the example programs, each with its CRC-32."""
    found: dict[str, bytes] = {}
    for name in programs.names():
        raw = programs.get(name).pack()
        found[f"programs/{name}"] = raw + struct.pack("<I", binascii.crc32(raw))
    return found


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def build(files: Mapping[str, bytes], size: int) -> bytes:
    """The littlefs image of `size` bytes (a multiple of 4096) with these files; the same files give the same image.

    Raises UsageProblem when they do not fit.
    """
    from littlefs.errors import LittleFSError

    if size % BLOCK or size < 4 * BLOCK:
        raise UsageProblem(f"A file system has a multiple of {BLOCK} bytes, not {size}.")
    fs = _file_system(size)
    try:
        for path, content in sorted(files.items()):
            above = path.rpartition("/")[0]
            if above:
                fs.makedirs(above, exist_ok=True)
            with fs.open(path, "wb") as f:
                f.write(content)
    except LittleFSError as e:
        total = sum(map(len, files.values()))
        raise UsageProblem(f"{len(files)} files of {total} bytes do not fit a file system of {size} bytes.") from e
    fs.unmount()
    return bytes(fs.context.buffer)


def read(content: bytes) -> dict[str, bytes]:
    """The files in a littlefs image, by path; the opposite of `build`. Raises UsageProblem for what is none."""
    from littlefs.errors import LittleFSError

    fs = _file_system(len(content), mount=False)
    fs.context.buffer = bytearray(content)
    found: dict[str, bytes] = {}
    try:
        fs.mount()
        for folder, _, names in fs.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with fs.open(path, "rb") as f:
                    found[path.lstrip("/")] = f.read()
    except (LittleFSError, UnicodeDecodeError) as e:
        raise UsageProblem("The unit's file system cannot be read; --fresh-data writes a new one.") from e
    return found


def used(content: bytes) -> bytes:
    """The image without the erased blocks at its end: littlefs erases a block before it writes there."""
    end = len(content)
    while end > BLOCK and content[end - BLOCK : end] == b"\xff" * BLOCK:
        end -= BLOCK
    return content[:end]


def _file_system(size: int, mount: bool = True) -> Any:
    """A littlefs of `size` bytes in memory as MicroPython has it; with `mount`, formatted."""
    from littlefs import LittleFS

    return LittleFS(
        block_size=BLOCK,
        block_count=size // BLOCK,
        read_size=READ_PROG,
        prog_size=READ_PROG,
        cache_size=CACHE,
        lookahead_size=LOOKAHEAD,
        block_cycles=BLOCK_CYCLES,
        mount=mount,
    )
