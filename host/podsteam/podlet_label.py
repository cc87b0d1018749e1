# SPDX-License-Identifier: Apache-2.0
"""Labels for podlets: the sheet's QR codes as one PNG. Needs the package `segno` (`pip install 'podsteam[podlet]'`).

The picture is written here, in grey and without a drawing library: rows of QR codes to cut out, each as large as the
longest text needs, the same podlet on all of them.
"""

import struct
import zlib
from typing import Any

from podsteam.errors import UsageProblem

_QUIET = 4
"""Light modules around a code (ISO/IEC 18004)."""


def text_of(table: dict[str, Any]) -> str:
    """What the code says: the web address if there is one, else the podlet's facts in lines."""
    names = ("name", "maker", "batch", "made", "expires", "pao_days", "fill_ul", "dose_ul", "doses", "inci")
    return "\n".join(f"{name}: {table[name]}" for name in names if table.get(name) not in (None, ""))


def sheet(text: str, columns: int, rows: int, scale: int = 6) -> bytes:
    """A PNG of columns x rows codes of `text`, each module `scale` dots. Raises UsageProblem."""
    try:
        import segno
    except ImportError as e:
        raise UsageProblem("Labels need the package segno; run `pip install 'podsteam[podlet]'`.") from e
    try:
        code: Any = segno.make_qr(text, error="m")
    except ValueError as e:
        raise UsageProblem(f"The text is too long for a QR code ({e}).") from e
    modules = [[bool(cell) for cell in row] for row in code.matrix]
    side = len(modules) + 2 * _QUIET
    light = bytes([255]) * (side * scale)
    lines: list[bytes] = [light] * (_QUIET * scale)
    for row in modules:
        dots = b"\xff" * (_QUIET * scale)
        for dark in row:
            dots += (b"\x00" if dark else b"\xff") * scale
        lines += [dots + b"\xff" * (_QUIET * scale)] * scale
    lines += [light] * (_QUIET * scale)
    return _png([line * columns for line in lines] * rows)


def _png(lines: list[bytes]) -> bytes:
    """An 8-bit grey PNG (W3C PNG, 5 and 11.2)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", len(lines[0]), len(lines), 8, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\x00" + line for line in lines), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
