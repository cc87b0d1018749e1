# SPDX-License-Identifier: Apache-2.0
"""Chips to flash: the ROM loader of esp32-mock-bootloader behind a socket or a pseudo-terminal, and its flash."""

import hashlib
import os
import select
import socket
import struct
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from esp32_mock_bootloader import server

MICROPYTHON = "etboard/firmware/etboard_firmware_micropython_custom_0831_last.bin"
"""A real MicroPython image for the classic ESP32, in a package for Thonny. It is old: only its form is used."""


def real_image() -> Path:
    """The path of that image."""
    spec = find_spec("thonnycontrib.thonny_etboard_firmware")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / MICROPYTHON


_PATIENCE = 20


class Wire:
    """What passes between esptool and the mock: counted, and cut when told so."""

    def __init__(self, chip: "MockChip") -> None:
        self._chip = chip

    def data(self, data: bytes) -> bytes:
        """Bytes from the host. Raises OSError when the wire is cut."""
        self._chip.received += len(data)
        if 0 <= self._chip.cut_at < self._chip.received:
            raise OSError("cut")
        return data


class CutConnection(server.BootloaderConnection):
    """A connection that goes away after so many bytes."""

    wire: Wire
    dead = False

    def recv(self, size: int) -> bytes:
        if self.dead:
            raise OSError("cut")
        # The mock gives a reader up after 50 ms without an acknowledgement, which is too soon on a busy machine.
        for _ in range(_PATIENCE):
            try:
                return self.wire.data(super().recv(size))
            except TimeoutError:
                continue
            except OSError:
                self.dead = True
                raise
        raise TimeoutError


class MockChip:
    """A chip in its loader. `port` is where; the flash outlives a lost connection."""

    def __init__(self, chip: str, pty: bool = False) -> None:
        self.chip = chip
        self.flash = server.FlashImage()
        self.cut_at = -1
        """The connection breaks after so many bytes from the host; below 0: never."""
        self.received = 0
        self._stop = threading.Event()
        self._pty: Any = server.PtyMasterTransport.create() if pty else None
        self._socket = None if pty else socket.create_server(("127.0.0.1", 0))
        self.port = self._pty.client_path if pty else f"socket://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> "MockChip":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)
        if self._socket is not None:
            self._socket.close()
        if self._pty is not None:
            self._pty.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            if self._pty is not None:
                connection = CutConnection(pty=self._pty)
            else:
                if not select.select([self._socket], [], [], 0.05)[0]:
                    continue
                connection = CutConnection(sock=self._socket.accept()[0])
            connection.wire = Wire(self)
            server.handle_client(connection, self._stop, self.chip, flash=self.flash)

    def read(self, address: int, size: int) -> bytes:
        """What the flash holds."""
        return self.flash.read(address, size)


def small_image(
    chip_number: int, base: int, version: str = "v1.28.0", files: tuple[int, int] = (0x20000, 0x20000)
) -> bytes:
    """An image as MicroPython's are: bootloader, partition table with its MD5, an interpreter of some bytes."""

    def entry(kind: int, subtype: int, start: int, size: int, name: str) -> bytes:
        return struct.pack("<2sBBII16sI", b"\xaa\x50", kind, subtype, start, size, name.encode(), 0)

    head = struct.pack("<BBBBIB3sH", 0xE9, 1, 2, 0x20, 0x40080000, 0xEE, b"\0\0\0", chip_number) + bytes(10)
    table = entry(1, 2, 0x9000, 0x6000, "nvs") + entry(1, 1, 0xF000, 0x1000, "phy_init")
    table += entry(0, 0, 0x10000, 0x10000, "factory") + entry(1, 0x81, *files, "vfs")
    table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table).digest()
    image = head.ljust(0x8000 - base, b"\xff") + table
    image = image.ljust(0x10000 - base, b"\xff") + head + os.urandom(3000)
    return image + f"MicroPython {version} on 2026-10-01; test".encode()
