# SPDX-License-Identifier: Apache-2.0
"""Replay with the firmware executed where it lies in a ROMFS image, as from memory-mapped flash. Runs on MicroPython.

    micropython -X heapsize=300k in_place.py IMAGE RECORDING

A desktop has no such flash, so the image lies on the heap, in one piece and before anything else; whoever measures
takes its size off.
"""

import os
import sys

import vfs

SIZE = 6
"""Place of a file's size in what `os.stat` gives."""


def main(path, recording):
    """Mount the image, run `replay` from it."""
    image = bytearray(os.stat(path)[SIZE])
    with open(path, "rb") as file:
        file.readinto(image)
    vfs.mount(vfs.VfsRom(memoryview(image)), "/rom")
    sys.path[:] = ["/rom"]
    __import__("replay").main(recording, False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
