# SPDX-License-Identifier: Apache-2.0
"""Record what a twin's board answers to the firmware, for `replay`."""

import struct
from pathlib import Path
from typing import Any, BinaryIO

from replay import FIELDS, IDENTITY_FMT, OPS, SAMPLE_FMT, SWITCHES

from podsteam_twin.launch import LocalTwin

BUFFERS = {"nfc_read": 0, "link_read": 0, "file_read_at": 2, "ring_read": 1}
"""Verbs that fill a buffer, and which argument that is."""


class RecordingHal:
    """Passes every verb on to a HAL and writes its result down."""

    def __init__(self, hal: Any, sink: BinaryIO) -> None:
        self._hal = hal
        self._sink = sink
        identity = (hal.uid, hal.boot_id, hal.reset_cause, hal.caps, hal.rx_window, hal.firmware_hash)
        sink.write(struct.pack(IDENTITY_FMT, *identity))

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._hal, name)
        if name not in OPS:
            return verb

        def recorded(*args: Any) -> Any:
            result = verb(*args)
            self._write(name, args, result)
            return result

        self.__dict__[name] = recorded
        return recorded

    def _put(self, name: str, result: int) -> None:
        self._sink.write(struct.pack("<B3xi", OPS.index(name), result))

    def _write(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        if name == "sample":
            inputs = args[0]
            self._put(name, 0)
            bits = sum(bool(getattr(inputs, switch)) << i for i, switch in enumerate(SWITCHES))
            self._sink.write(struct.pack(SAMPLE_FMT, *(getattr(inputs, field) for field in FIELDS), bits))
        elif name == "file_read":
            self._put(name, -1 if result is None else len(result))
            self._sink.write(result or b"")
        elif name == "file_list":
            self._put(name, len(result))
            for entry, size in result:
                self._put(name, size)
                self._put(name, len(entry))
                self._sink.write(entry.encode())
        else:
            self._put(name, int(result))
            if name in BUFFERS and result > 0:
                self._sink.write(bytes(args[BUFFERS[name]][:result]))


def recording_twin(path: Path, options: dict[str, Any]) -> tuple[LocalTwin, BinaryIO]:
    """A twin on CPython whose board's answers go to `path`; close the file when done."""
    from podsteam_firmware.loop import Loop

    sink = path.open("wb")
    twin = LocalTwin({"unix_s": 0, "firmware_hash": "00" * 8, **options})
    machine = twin.machine
    machine.loop = Loop(RecordingHal(machine.hal, sink))  # type: ignore[arg-type]
    return twin, sink
