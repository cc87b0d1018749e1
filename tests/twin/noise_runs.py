# SPDX-License-Identifier: Apache-2.0
"""Telemetry frames through the twin's noise and the host's splitter, counted."""

from podsteam_protocol import frame
from podsteam_twin.noise import Noise
from podsteam_twin.rng import Rng

TELE = 0x71


def goodput(bit_ppb: int, count: int, seed: int = 1) -> tuple[int, int, int, int, int]:
    """Send `count` telemetry frames; returns (sent, arrived, invented, damaged bytes, bits of a frame)."""
    rng = Rng(seed)
    noise = Noise({"bit_ppb": bit_ppb}, seed)
    splitter = frame.Splitter()
    sent: list[bytes] = []
    arrived = invented = size = 0
    known: set[bytes] = set()
    for i in range(count):
        payload = i.to_bytes(4, "little") + bytes(rng.bits(8) for _ in range(41))
        data = frame.encode(TELE, i & 0xFF, payload)
        size = len(data)
        body = bytes([TELE, i & 0xFF]) + payload
        sent.append(body)
        known.add(body)
        for is_frame, found in splitter.feed(noise.apply(data)):
            if is_frame and found in known:
                arrived += 1
            elif is_frame:
                invented += 1
    for is_frame, found in splitter.feed(b"\0"):
        arrived += is_frame and found in known
    return count, arrived, invented, noise.damaged, size * 8
