# SPDX-License-Identifier: Apache-2.0
"""The format's vectors, encoded and decoded. Runs on both interpreters.

`record_checks.py records.json` prints how many there are, and how many can be read.
"""

import json
import sys
from binascii import unhexlify

from podsteam_firmware.podlet.record import Record
from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_codec as codec
from podsteam_twin.nfc.memory import SIZES
from podsteam_twin.nfc.ntag import Ntag


def check(path: str) -> "tuple[int, int]":
    """How many records there are, and how many can be read."""
    with open(path) as file:
        rows = json.load(file)
    readable = 0
    for row in rows:
        main = {}
        for key in row["main"]:
            value = row["main"][key]
            main[int(key)] = unhexlify(value) if key in row["bytes"] else value
        first = codec.first_record(main.get(p.MAIN_NAME, ""))
        memory = codec.ndef(codec.cbor(main), first, unhexlify(row["slots"]), row["grain"], row["floor"])
        assert memory == unhexlify(row["memory"]), row["what"]
        model = next(name for name in SIZES if SIZES[name] == row["size"])
        image = bytearray(Ntag(model).image())
        image[16 : 16 + len(memory)] = memory
        record = Record()
        assert record.parse(image, len(image)) == row["readable"], row["what"]
        if row["readable"]:
            readable += 1
            assert [record.doses_used, record.nl_used, record.seq, record.slot] == row["record"], row["what"]
            assert record.floor_page == row["floor"], row["what"]
            for key in main:
                if key < len(record.values) and not isinstance(main[key], (str, bytes)):
                    assert record.values[key] == main[key], row["what"]
    return len(rows), readable


if __name__ == "__main__":
    print(*check(sys.argv[1]))
