# SPDX-License-Identifier: Apache-2.0
"""A simulated board as a process of its own: requests on standard input, answers on standard output.

Run by `launch` on MicroPython; `pipe` has the format. Ends when its input ends.
"""

import gc
import json
import struct
import sys

from podsteam_twin.machine import Machine
from podsteam_twin.pipe import BUILD, EXCHANGE, EXCHANGE_FMT, REPLY_FMT, REQUEST_FMT


def serve() -> None:
    """Answer requests until the input ends. The first one builds the board."""
    source = sys.stdin.buffer
    sink = sys.stdout.buffer
    machine = None
    while True:
        head = source.read(5)
        if not head or len(head) < 5:
            return
        op, length = struct.unpack(REQUEST_FMT, head)
        payload = source.read(length) if length else b""
        if op == BUILD or machine is None:
            # The board before goes first, or there is no room for two.
            machine = None
            gc.collect()
            machine = Machine(json.loads(payload))
            answer = b"{}"
        elif op == EXCHANGE:
            until_us, stop = struct.unpack_from(EXCHANGE_FMT, payload, 0)
            data = machine.exchange(payload[9:], until_us, stop != 0)
            answer = struct.pack(REPLY_FMT, machine.world.t_us, machine.lease_ms()) + data
        else:
            answer = json.dumps(machine.control(json.loads(payload))).encode()
        sink.write(struct.pack("<I", len(answer)))
        sink.write(answer)
        if hasattr(sink, "flush"):
            sink.flush()


if __name__ == "__main__":
    serve()
