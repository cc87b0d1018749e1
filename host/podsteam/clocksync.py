# SPDX-License-Identifier: Apache-2.0
"""The device's clock against the host's: the best of eight round trips, both device times taken into account.

    found = measure(device)
    host_s = found.host_s(event.uptime_ms)

Of each round trip the time that the bytes themselves take on the line is left out, so that a long reply after a short
request does not pass for an offset; what remains is halved. The trip with the least delay is the truest (Mills, RFC
5905, section 10: the clock filter's minimum of eight).
"""

from dataclasses import dataclass

from podsteam.client import Device
from podsteam.wire import messages as m
from podsteam_protocol.frame import encode

TRIES = 8
_WRAP_MS = 1 << 30
_TEN_BITS = 10
_REPLY_FRAME = 8 + 4 + 12
"""Bytes of PING's reply on the line: frame, boot id, fields."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Where the device's clock was when the port's clock showed `at_s`."""

    at_s: float
    device_ms: float
    """Device time then, ms; wraps at 2^30."""
    delay_s: float
    """What was left of the round trip; the error is at most half of it and a millisecond, which is the clock's step."""

    def host_s(self, uptime_ms: int) -> float:
        """The port's time of a device time within 6 days of the measurement, s."""
        apart = (uptime_ms - self.device_ms) % _WRAP_MS
        if apart >= _WRAP_MS / 2:
            apart -= _WRAP_MS
        return self.at_s + apart / 1000


def measure(device: Device, tries: int = TRIES) -> ClockOffset:
    """Compare the clocks. The device must run at the speed of the port's clock. Raises DeviceLost."""
    clock = device.port.clock
    byte_s = _TEN_BITS / int(getattr(device.port, "baud", 115200))
    best: ClockOffset | None = None
    for i in range(tries):
        stamp = (int(clock.now() * 1e6) + i) & 0xFFFFFFFF
        request = m.PingRequest(stamp)
        sent_s = clock.now()
        reply = device.request(request, m.PingReply)
        got_s = clock.now()
        begun_s = sent_s + len(encode(request.ID, 0, request.pack())) * byte_s
        ended_s = got_s - _REPLY_FRAME * byte_s
        held_ms = (reply.tx_ms - reply.rx_ms) % _WRAP_MS
        found = ClockOffset(
            at_s=(begun_s + ended_s) / 2,
            # A clock that counts whole milliseconds shows half a one too little, on the average.
            device_ms=(reply.rx_ms + held_ms / 2 + 0.5) % _WRAP_MS,
            delay_s=max(0.0, ended_s - begun_s - held_ms / 1000),
        )
        if best is None or found.delay_s < best.delay_s:
            best = found
        # Another phase of the device's tick each time.
        clock.sleep(device.in_clock(0.0137))
    assert best is not None
    return best
