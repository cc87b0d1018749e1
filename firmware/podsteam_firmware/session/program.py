# SPDX-License-Identifier: Apache-2.0
"""A session program: the struct PROGRAM of the protocol as numbers, with the ranges that the device accepts."""

import struct

from podsteam_protocol import messages as m
from podsteam_protocol.const import const

SIZE = const(45)
"""Bytes of a stored program (struct PROGRAM)."""
MAX_STORED = const(24)
"""Most programs that a device keeps."""
MAX_STEAM_S = const(1800)
"""Longest steam time of a session; what the warm-up adds may end it sooner, by STOP_REST."""

_NUMBERS = "<" + m.PROGRAM_FMT[4:]
"""The fields after the name."""

# Ranges by field index in the struct, from 1 (hold_cdeg). Zero is allowed where a zero means "none".
_LOW = (3000, 0, 30, 500, 10, 500, 0, 500, 0, 0, 5, 0, 0, 3000)
_HIGH = (9500, 3600, 900, 12000, 1800, 12000, 1800, 12000, 1800, 1800, 1800, 60, 250000, 9500)
_ZERO_OK = const(0b1111111100011)  # bit i: field i + 1 may be 0


def valid_name(name: bytes) -> bool:
    """1 to 16 of a-z, 0-9, - and _, zero-padded to 16."""
    end = name.find(b"\0")
    if end < 0:
        end = len(name)
    if end == 0 or name[end:] != bytes(len(name) - end):
        return False
    for byte in name[:end]:
        if not (97 <= byte <= 122 or 48 <= byte <= 57 or byte in b"-_"):
            return False
    return True


def check(raw: bytes) -> int:
    """Look a stored or received program over. Returns -1 when it is good, else the index of the field at fault."""
    if not valid_name(raw[:16]):
        return 0
    values = struct.unpack(_NUMBERS, raw[16:])
    for i in range(14):
        value = values[i]
        if value == 0 and _ZERO_OK >> i & 1:
            continue
        if not _LOW[i] <= value <= _HIGH[i]:
            return i + 1
    if values[4] + values[6] + values[8] > MAX_STEAM_S:
        return 5
    if (values[6] and not values[5]) or (values[8] and not values[7]):
        return 6
    if values[11] > 1 and not values[10]:
        return 11
    return -1


class Program:
    """The numbers of the program that runs. All zero until `load`."""

    def __init__(self) -> None:
        self.raw = bytes(SIZE)
        self.hold_mc = 0
        self.hold_s = 0
        self.warm_up_max_s = 0
        self.dose_first_s = 0
        self.dose_every_s = 0
        self.dose_count = 0
        self.dose_nl = 0
        self.end_mc = 0
        self.steam_s = 0
        """Steam time of all phases, s."""
        self._rates = [0, 0, 0]
        self._ends = [0, 0, 0]

    def load(self, raw: bytes) -> None:
        """Take the numbers of a program that passed `check`."""
        v = struct.unpack(_NUMBERS, raw[16:])
        self.raw = raw
        self.hold_mc = v[0] * 10
        self.hold_s = v[1]
        self.warm_up_max_s = v[2]
        end = 0
        for i in range(3):
            end += v[4 + 2 * i]
            self._rates[i] = v[3 + 2 * i]
            self._ends[i] = end
        self.steam_s = end
        self.dose_first_s, self.dose_every_s, self.dose_count, self.dose_nl = v[9:13]
        self.end_mc = v[13] * 10

    def rate_mg_min(self, steam_s: int) -> int:
        """Steam rate wanted `steam_s` seconds after steam was verified; 0: the program is over."""
        for i in range(3):
            if steam_s < self._ends[i]:
                return self._rates[i]
        return 0


GENTLE = struct.pack(m.PROGRAM_FMT, b"gentle", 0, 0, 300, 4000, 180, 0, 0, 0, 0, 20, 40, 4, 0, 6000)
"""The program of a device on which none was stored: 3 minutes of gentle steam, four doses as the podlet asks."""
TUNE = struct.pack(m.PROGRAM_FMT, b"tune", 0, 0, 900, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6000)
"""What a tuning session shows as its program. Of its numbers only the longest time and the end are in use."""
