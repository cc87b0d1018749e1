# SPDX-License-Identifier: Apache-2.0
"""A raw REPL on stdin and stdout, for MicroPython without one: the real interpreter executes what comes, over a
littlefs whose erases take as long as on the device.

Raw paste mode as MicroPython's documents have it, with the ESP32's window of 128 bytes.
"""

import sys
import time

import vfs

_BLOCK, _BLOCKS = 4096, 512
ERASE_MS = int(sys.argv[1])
WINDOW = 128
BANNER = b"raw REPL; CTRL-B to exit\r\n>"


class Device:
    def __init__(self):
        self.data = bytearray(b"\xff" * (_BLOCK * _BLOCKS))

    def readblocks(self, block, buf, offset=0):
        at = block * _BLOCK + offset
        buf[:] = memoryview(self.data)[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        at = block * _BLOCK + offset
        self.data[at : at + len(buf)] = buf

    def ioctl(self, op, argument):
        if op == 4:
            return _BLOCKS
        if op == 5:
            return _BLOCK
        if op == 6:
            time.sleep_ms(ERASE_MS)
            self.data[argument * _BLOCK : (argument + 1) * _BLOCK] = b"\xff" * _BLOCK
            return 0
        return 0


def put(data):
    sys.stdout.buffer.write(data)


def get():
    data = sys.stdin.buffer.read(1)
    if not data:
        sys.exit()
    return data


def paste():
    put(b"R\x01" + bytes((WINDOW & 255, WINDOW >> 8)) + b"\x01")
    code = bytearray()
    while True:
        data = get()
        if data == b"\x04":
            put(b"\x04")
            return bytes(code)
        code.extend(data)
        if len(code) % WINDOW == 0:
            put(b"\x01")


def run(code, names):
    error = b""
    try:
        exec(code, names)
    except Exception as e:
        error = ("%s: %s\r\n" % (type(e).__name__, e)).encode()
    put(b"\x04" + error + b"\x04>")


def main():
    device = Device()
    vfs.VfsLfs2.mkfs(device)
    vfs.mount(vfs.VfsLfs2(device, progsize=128, readsize=32, lookahead=32), "/flash")
    names = {}
    run(b"import os\nos.chdir('/flash')", names)
    code = bytearray()
    while True:
        data = get()
        if data == b"\x01":
            put(BANNER)
            code = bytearray()
        elif data == b"\x05" and not code:
            get(), get()
            run(paste(), names)
        elif data == b"\x04":
            put(b"OK")
            run(bytes(code), names)
            code = bytearray()
        elif data not in (b"\x03", b"\x02", b"\r"):
            code.extend(data)


main()
