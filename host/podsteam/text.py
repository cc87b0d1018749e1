# SPDX-License-Identifier: Apache-2.0
"""Text from outside made safe to show: what a device or a tag says must not steer a terminal.

Escaped: C0 and C1 controls, DEL, ESC, line and paragraph separators, bidirectional controls, invisible format
characters and lone surrogates. Everything else passes, whatever its script.
"""

import unicodedata

_UNSAFE = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def _escape(character: str) -> str:
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def safe(value: str | bytes, limit: int = 400) -> str:
    """One line of harmless text. Bytes are read as UTF-8, what is not UTF-8 is shown as `\\xNN`.

    More than `limit` characters are cut, with `...` at the end.
    """
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    cut = value[:limit]
    shown = "".join(_escape(c) if unicodedata.category(c) in _UNSAFE else c for c in cut)
    return shown + "..." if len(value) > limit else shown


def name_of(padded: bytes) -> str:
    """A zero-padded name field as safe text."""
    return safe(padded.split(b"\0", 1)[0])


def whole(text: str) -> bool:
    """Whether it is text that a file can hold: half a character, as JSON and names of files may have, is not."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def mended(text: str) -> str:
    """The text with half characters shown as `\\uNNNN`."""
    return text.encode("utf-8", "backslashreplace").decode()
