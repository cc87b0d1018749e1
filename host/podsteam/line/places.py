# SPDX-License-Identifier: Apache-2.0
"""Which places have something plugged in. A place is a USB location, since many adapters share one serial number."""

from pathlib import Path

_MOST = 200
"""Bytes of a file that names a port."""


def by_usb() -> dict[str, str]:
    """USB location to port, of every adapter that has a location."""
    from serial.tools import list_ports

    found = ((info.location, info.device) for info in list_ports.comports() if info.vid is not None)
    return {location: device for location, device in found if location}


def by_folder(folder: Path) -> dict[str, str]:
    """Name of an entry to the port that it is or names."""
    found: dict[str, str] = {}
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return found
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            if entry.is_symlink() or entry.is_char_device():
                if entry.exists():
                    found[entry.name] = str(entry.resolve())
            elif entry.is_file() and (port := entry.read_text(encoding="utf-8")[:_MOST].strip()):
                found[entry.name] = port
        except (OSError, UnicodeDecodeError):
            continue  # It goes away while it is looked at.
    return found
