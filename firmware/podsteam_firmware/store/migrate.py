# SPDX-License-Identifier: Apache-2.0
"""Parameter sets of other versions: found, read as far as they are known. Loaded when there is one, or when asked.

The layout of a set that a host may set only ever grows at its end, so that what a newer version wrote begins with what
this one knows. The newer set's file stays as it is, for when that version comes back.
"""

import binascii
import struct

from podsteam_firmware.store import params

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podsteam_firmware.hal.verbs import Hal
    from podsteam_firmware.store.params import Layouts, Values

_HEAD = "<4sHHI"
_MOST = 512
"""Bytes of a set, at most."""


def newer(hal: "Hal", group: str, layouts: "Layouts") -> "tuple[int, Values | None, int]":
    """The set of the newest version beyond `layouts`: that version, the values known here, and how many bytes of it are
    not; (0, None, 0) when none is valid."""
    layout = layouts[-1][0]
    size = struct.calcsize(layout)
    start = struct.calcsize(_HEAD)
    found = (0, None, 0)
    sequence_of = 0
    for name, _ in hal.file_list("params"):
        number = name[len(group) : -1]
        if name[: len(group)] != group or not number.isdigit() or int(number) <= len(layouts):
            continue
        raw = hal.file_read("params/" + name, _MOST)
        if raw is None or len(raw) < start + size + 4:
            continue
        magic, version, length, sequence = struct.unpack_from(_HEAD, raw, 0)
        end = start + length
        if magic != params.MAGIC or version != int(number) or length < size or len(raw) != end + 4:
            continue
        if raw[end:] != struct.pack("<I", binascii.crc32(raw[:end])):
            continue
        if (version, sequence) > (found[0], sequence_of):
            found = (version, struct.unpack_from(layout, raw, start), length - size)
            sequence_of = sequence
    return found


def stored(hal: "Hal", group: str, layouts: "Layouts") -> "tuple[int, Values | None, int]":
    """The set that counts, as it is stored: of which version it is, its values in the last of `layouts`, and how many
    bytes of it are not known here; (0, None, 0) when there is none."""
    values, older = params.load(hal, group, layouts)
    if values is None:
        return newer(hal, group, layouts)
    version = len(layouts)
    while older and version > 1 and params.load(hal, group, layouts[:version])[1]:
        version -= 1
    return version, values, 0


def bounded(values: "Values | None", check: "Callable[[Values], int]", new: "Values") -> "Values":
    """The values with each that `check` finds at fault replaced by that of `new`; all of `new` for none."""
    if values is None:
        return new
    i = check(values)
    while i >= 0:
        values = values[:i] + new[i : i + 1] + values[i + 1 :]
        i = check(values)
    return values
