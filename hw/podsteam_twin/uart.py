# SPDX-License-Identifier: Apache-2.0
"""The serial line of the simulated board with both rings, byte by byte in virtual time but computed in blocks."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_twin.noise import Noise
    from podsteam_twin.second import Second

# us in a byte, times the baud rate: ten bits, with start and stop.
_BYTE_US_BAUD = 10000000
# The ESP32's receive FIFO wakes its driver at this many bytes, or when the line falls silent.
_FIFO_FULL = 120


def _heard_at_another_rate(data: bytes) -> bytes:
    """What a receiver makes of bytes that were sent at a rate which is not its own: as many, and none of them right."""
    return bytes([byte ^ 0xA5 for byte in data])


class _Line:
    """One direction; `baud` is the sender's rate.

    Bytes that follow each other without a gap are a run: [start in us, bytes taken, bytes left, rate].
    """

    def __init__(self, baud: int) -> None:
        self.baud = baud
        self._runs: "list[list[int]]" = []
        self._bytes = bytearray()
        self._free_us = 0

    def waiting(self) -> int:
        """Bytes put in and not yet taken out."""
        return len(self._bytes)

    def put(self, t_us: int, data: "bytes | bytearray | memoryview") -> None:
        """Send `data` at `t_us`, or as soon as what is before it has left."""
        runs = self._runs
        if runs and t_us <= self._free_us and runs[-1][3] == self.baud:
            runs[-1][2] += len(data)
        else:
            runs.append([max(t_us, self._free_us) if runs else t_us, 0, len(data), self.baud])
        run = runs[-1]
        self._free_us = _after(run, run[1] + run[2])
        self._bytes += data

    def arrived(self, t_us: int) -> int:
        """How many of the waiting bytes have arrived by `t_us`."""
        total = 0
        for start_us, taken, left, baud in self._runs:
            count = (t_us - start_us) * baud // _BYTE_US_BAUD - taken
            if count < left:
                return total + max(count, 0)
            total += left
        return total

    def take(self, count: int, baud: int) -> bytes:
        """Take out the first `count` waiting bytes, as a receiver hears them that is set to `baud`."""
        data = bytes(memoryview(self._bytes)[:count])
        self._bytes = self._bytes[count:]
        at = 0
        while at < count:
            run = self._runs[0]
            part = min(count - at, run[2])
            if run[3] != baud:
                data = data[:at] + _heard_at_another_rate(data[at : at + part]) + data[at + part :]
            run[1] += part
            run[2] -= part
            at += part
            if not run[2]:
                self._runs.pop(0)
        return data

    def arrival_us(self, count: int) -> "int | None":
        """When the waiting byte number `count` (from 1) arrives, or the last of the first run; None: none waits."""
        if not self._runs:
            return None
        run = self._runs[0]
        return _after(run, run[1] + min(count, run[2]))

    def busy_ms(self, t_us: int) -> int:
        """Time until all that was put in has arrived, ms, rounded up."""
        return (self._free_us - t_us + 999) // 1000 if self._free_us > t_us else 0

    def clear(self) -> None:
        """Lose everything."""
        self._runs = []
        self._bytes = bytearray()
        self._free_us = 0


def _after(run: "list[int]", count: int) -> int:
    """When so many bytes of a run have arrived, us."""
    return run[0] + (count * _BYTE_US_BAUD + run[3] - 1) // run[3]


class Uart:
    """Line and rings. A ring of 259 is the stock REPL's, 4096 that of a UART with `rxbuf` and `txbuf`."""

    def __init__(self, baud: int = 115200, rx_ring: int = 4096, tx_ring: int = 4096) -> None:
        """A silent line; rings in bytes."""
        self.latency_us = 0
        """How much later the host's adapter hands on what it gets, either way."""
        self.most_baud = 0
        """The fastest rate that the host's adapter does, bit/s; 0: any."""
        self.down_noise: "Noise | None" = None
        """What becomes of bytes on their way to the device."""
        self.up_noise: "Noise | None" = None
        """What becomes of those on their way to the host."""
        self.rx_ring = rx_ring
        self.tx_ring = tx_ring
        self.lost = 0
        """Received bytes for which the ring had no room, since the start. Nobody tells the device."""
        self.gone = False
        """Fault: the cable is out; what is sent either way is lost."""
        self.down_open = True
        """What the host sends gets to the line."""
        self.up_open = True
        """What the device sends gets to the host. A port that is half open has lost one or both, and nobody is told."""
        self.second: "Second | None" = None
        """Another program that has the host's port open."""
        self.first_baud = baud
        """The rate of both ends at the start, and the device's after a reset, bit/s."""
        self._down = _Line(baud)
        self._up = _Line(baud)
        self._ring = bytearray()
        self._left = b""

    def host_rate(self, t_us: int, baud: int) -> None:
        """The host sets its port to `baud`, bit/s."""
        self._left = self.host_receive(t_us)
        # A rate that the adapter does not do comes out as another one.
        self._down.baud = baud + 1 if 0 < self.most_baud < baud else baud

    def device_rate(self, t_us: int, baud: int) -> int:
        """The device's driver is set to `baud`, bit/s; 0 changes nothing. Returns the rate."""
        if baud:
            self._receive(t_us)
            self._up.baud = baud
        return self._up.baud

    def host_send(self, t_us: int, data: "bytes | bytearray | memoryview") -> None:
        """The host writes `data`; it is on the line as soon as what it wrote before has left."""
        self._hear_second(t_us)
        if self.second:
            data = self.second.torn_into(t_us, bytes(data))
        if self.down_open:
            self._send_down(t_us, data)

    def _send_down(self, t_us: int, data: "bytes | bytearray | memoryview") -> None:
        if len(data) and not self.gone:
            if self.down_noise:
                data = self.down_noise.apply(data)
            self._down.put(t_us + self.latency_us, data)

    def _hear_second(self, t_us: int) -> None:
        """What the other program has written by now gets to the line."""
        second = self.second
        while second and second.due_us <= t_us:
            due_us = second.due_us
            self._send_down(due_us, second.word())

    def next_rx_us(self) -> "int | None":
        """When the device's driver wakes next: 120 bytes, or the last before a silence, have come. None: nothing comes.

        Counted from the last look at `device_available` or `device_read`. Also when the other program writes.
        """
        at_us = self._down.arrival_us(_FIFO_FULL)
        if self.second and (at_us is None or self.second.due_us < at_us):
            return self.second.due_us
        return at_us

    def device_available(self, t_us: int) -> int:
        """Bytes in the receive ring."""
        self._receive(t_us)
        return len(self._ring)

    def device_read(self, t_us: int, buf: "bytearray | memoryview") -> int:
        """Move received bytes, at most `len(buf)`, into `buf`. Returns how many."""
        self._receive(t_us)
        count = min(len(buf), len(self._ring))
        buf[:count] = memoryview(self._ring)[:count]
        self._ring = self._ring[count:]
        return count

    def device_write(self, t_us: int, buf: "bytes | bytearray | memoryview", count: int) -> int:
        """Queue `buf[:count]` whole, or nothing when the transmit ring lacks the room. Returns `count` or 0."""
        in_ring = self._up.waiting() - self._up.arrived(t_us)
        if count > self.tx_ring - in_ring:
            return 0
        if count:
            self._up.put(t_us, memoryview(buf)[:count])
        return count

    def busy_ms(self, t_us: int) -> int:
        """Time until all that is queued has left, ms, rounded up."""
        return self._up.busy_ms(t_us)

    def next_tx_us(self) -> "int | None":
        """When the last of the bytes that leave without a gap has left. None: nothing waits for the host."""
        at_us = self._up.arrival_us(self.tx_ring)
        return None if at_us is None else at_us + self.latency_us

    def has_left(self, t_us: int) -> bool:
        """Whether bytes that the host has not taken yet have left the device."""
        return len(self._left) > 0 or self._up.arrived(t_us - self.latency_us) > 0

    def host_receive(self, t_us: int) -> bytes:
        """All bytes that have left the device by `t_us` and were not taken before."""
        data = self._up.take(self._up.arrived(t_us - self.latency_us), self._down.baud)
        if self.up_noise:
            data = self.up_noise.apply(data)
        data = self._left + data
        self._left = b""
        if self.second:
            data = self.second.left(data)
        return b"" if self.gone or not self.up_open else data

    def reset(self, t_us: int) -> None:
        """The chip restarts: its rings are lost; what is on its way to it still arrives."""
        self._receive(t_us)
        self._ring = bytearray()
        self._left = self.host_receive(t_us + self.latency_us)
        self._up.clear()
        self._up.baud = self.first_baud

    def _receive(self, t_us: int) -> None:
        self._hear_second(t_us)
        count = self._down.arrived(t_us)
        if not count:
            return
        data = self._down.take(count, self._up.baud)
        room = self.rx_ring - len(self._ring)
        if count > room:
            self.lost += count - room
            data = data[:room]
        self._ring += data
