# SPDX-License-Identifier: Apache-2.0
"""A podlet reader on a bench: the firmware's Reader over the simulated PN532 and tags, in virtual time.

Only the reader's own verbs are there. `run` calls `pump` as the device's loop does: at each tick, at each interrupt
of the chip, and again at once while `pump` asks for it. It fails when one call makes more than one bus transfer.
Runs on both interpreters.
"""

from podsteam_firmware.podlet.reader import Reader
from podsteam_twin.nfc.ntag import Ntag
from podsteam_twin.nfc.pn532 import Pn532

BYTE_US = 25
TICK_MS = 50
BUS_LIMIT_US = 20_000
"""The bus's own time limit for a transfer."""
CALL_US = 300
"""Time that one call of `pump` is charged beside its bus transfer."""


class Bench:
    """Chip, tag and clock, with the HAL's verbs for the reader."""

    def __init__(self, tag: "Ntag | None" = None, start_ms: int = 0) -> None:
        self.t_us = 0
        self.start_ms = start_ms
        self.chip = Pn532()
        self.day = 20_500
        """Today, days since 1970-01-01, 0: no clock was set."""
        self.transfers = 0
        self.longest_us = 0
        """Longest time on the bus in one call."""
        self.bus_error = 0
        """The next so many transfers fail."""
        self.bus_timeouts = 0
        """The next so many take the bus's own time limit, and fail."""
        self.field_on_us = 0
        """Time that the field has been on in `run`, and its longest stretch."""
        self.longest_field_us = 0
        self._field_us = 0
        self.commands: list[int] = []
        """Codes of the commands that were sent."""
        if tag is not None:
            self.place(tag)
        self.reader = Reader(self)  # type: ignore[arg-type]

    def now_ms(self) -> int:
        return (self.t_us // 1000 + self.start_ms) & 0x3FFFFFFF

    def unix_s(self) -> int:
        return self.day * 86400 + self.t_us // 1_000_000 if self.day else 0

    def nfc_write(self, buf: bytearray, length: int) -> int:
        error = self._transfer()
        if error:
            return error
        if length > 6:
            self.commands.append(buf[6])
        taken = self.chip.write(self.t_us, bytes(buf[:length]))
        self.t_us += BYTE_US * (length + 1)
        return taken

    def _transfer(self) -> int:
        """A transfer begins; its error, 0 for none."""
        self.transfers += 1
        if self.bus_error:
            self.bus_error -= 1
            return -5
        if self.bus_timeouts:
            self.bus_timeouts -= 1
            self.t_us += BUS_LIMIT_US
            return -110
        return 0

    def nfc_read(self, buf: bytearray, length: int) -> int:
        error = self._transfer()
        if error:
            return error
        data = self.chip.read(self.t_us, length)
        self.t_us += BYTE_US * (length + 1)
        if isinstance(data, int):
            return data
        buf[: len(data)] = data
        return len(data)

    def nfc_ready(self) -> bool:
        return self.chip.ready(self.t_us)

    def nfc_reset(self, active: bool) -> None:
        self.chip.reset(self.t_us, active)

    def place(self, tag: "Ntag | None") -> None:
        self.chip.place(self.t_us, tag)

    def call(self) -> bool:
        """One `pump`."""
        before = self.transfers
        self.t_us += CALL_US
        start = self.t_us
        more = self.reader.pump(self.now_ms())
        assert self.transfers - before <= 1, "more than one transfer in a call"
        self.longest_us = max(self.longest_us, self.t_us - start)
        return more

    def step_to_next(self) -> None:
        """Pump until it waits, then move time to the chip's next interrupt or the next tick."""
        calls = 0
        while self.call():
            calls += 1
            if calls == 40:
                # The device's loop looks for its tick between two calls, so a line that lies costs time, no tick.
                assert self.chip.never_ready, "pump never waits"
                break
        tick = (self.t_us // (TICK_MS * 1000) + 1) * TICK_MS * 1000
        event = self.chip.next_event_us()
        # A wait sees only what happens during it, as with an interrupt on an edge.
        self.t_us = tick if event is None or not self.t_us < event < tick else event

    def run(self, ms: int) -> None:
        """Let `ms` of device time pass."""
        end = self.t_us + ms * 1000
        while self.t_us < end:
            start = self.t_us
            on = self.chip.rf_on
            self.step_to_next()
            self._field(on or self.chip.rf_on, self.t_us - start)

    def _field(self, on: bool, us: int) -> None:
        """`us` have passed, in which the field was on at some time, or not."""
        self._field_us = self._field_us + us if on else 0
        self.field_on_us += us if on else 0
        self.longest_field_us = max(self.longest_field_us, self._field_us)

    def run_until(self, condition, limit_ms: int = 5000) -> int:  # type: ignore[no-untyped-def]
        """Run until `condition(reader)`; returns the ms that took. Fails after `limit_ms`."""
        start = self.t_us
        while not condition(self.reader):
            assert self.t_us - start < limit_ms * 1000, "did not happen in time"
            self.step_to_next()
        return (self.t_us - start) // 1000
