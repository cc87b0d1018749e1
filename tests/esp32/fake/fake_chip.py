# SPDX-License-Identifier: Apache-2.0
"""A classic ESP32 in virtual time, as MicroPython's port shows it, and the reference board's electrics around it.

Semantics come from the port's sources (1.23 to 1.29) and from runs of the stock image on an emulator. Times are
rough; nothing here says how fast a chip is. What matters is modelled: who drives a pad, what survives which reset,
what blocks and for how long, what is lost without a word.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

MASK = 0x3FFFFFFF
REPL_RING = 259
FIFO = 128
POWER_ON, HARD, WATCHDOG, DEEP_SLEEP, SOFT = 1, 2, 3, 4, 5
FLASH_PINS = range(6, 12)
INPUT_ONLY = range(34, 40)
PADS = [n for n in range(40) if n not in (20, 24, *range(28, 32), *FLASH_PINS)]


class ChipReset(BaseException):
    """The chip was reset: no code goes on after this. `cause` is what the next start will be told."""

    def __init__(self, cause: int) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass
class Pad:
    """One pin: who drives it and how."""

    number: int
    out: bool = False
    latch: int = 0
    source: str = "gpio"
    """gpio, pwm or rmt: what the GPIO matrix connects to the pad."""
    signal: int = 0
    """Level of the peripheral that is connected."""
    pull: int = 0
    frozen: int | None = None
    outside: int = 0
    """Level that the board gives when nothing drives the pad; a pull-down on every output."""
    handlers: list[Callable[[], None]] = field(default_factory=list)
    """Called on each rising edge."""

    def wanted(self) -> int:
        if not self.out:
            return self.outside
        return self.latch if self.source == "gpio" else self.signal

    def level(self) -> int:
        return self.wanted() if self.frozen is None else self.frozen


class Chip:
    """State of the chip and its surroundings. Time passes in `advance` only."""

    def __init__(self, version: tuple[int, int] = (1, 27)) -> None:
        self.version = version
        self.t_us = 0
        self.ticks_offset_us = 0
        self.cause = POWER_ON
        self.dead: ChipReset | None = None
        self.pads = {n: Pad(n) for n in PADS}
        self.history: list[tuple[int, int, int]] = []
        """(time, pin, level) of every change of a pad."""
        self.log: list[tuple[int, str, object]] = []
        """(time, what, detail) of everything else worth a test."""
        self.pwm: dict[int, int] = {}
        """Duty of each pin under PWM. The hardware goes on until `deinit` or a hard reset."""
        self.pwm_channels = 16
        self.rmt = list(range(8))
        """Channels that nobody has."""
        self.kbd_intr = 3
        self.interrupt_pending = False
        self.repl = bytearray()
        self.uart: dict[int, object] = {}
        self.host = bytearray()
        """What has left on the USB bridge's pin."""
        self.watchdog_ms = 0
        self.fed_us = 0
        self.rtc = b""
        """The RTC memory: what was kept there survives every reset but power-on."""
        self.analog: dict[int, Callable[[], int]] = {}
        """uV at an analog pin."""
        self.devices: dict[int, dict[int, object]] = {0: {}, 1: {}}
        self.partitions: dict[str, bytearray] = {}
        """Raw partitions of type data, by label. They outlive every reset."""
        self.flash_fails = False
        self.stuck: set[int] = set()
        """Buses that somebody holds."""
        self.pull_out()
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0

    def pull_out(self) -> None:
        """What the board's resistors do: open switches and idle lines are high, the rest low."""
        for number in (4, 16):
            self.pads[number].outside = 1

    # Time ---------------------------------------------------------------------------------------------------
    def at(self, t_us: int, what: Callable[[], None]) -> None:
        """Do something at a time."""
        self._order += 1
        heapq.heappush(self._events, (t_us, self._order, what))

    def advance(self, us: int) -> None:
        """Let time pass. Raises ChipReset when the watchdog was not fed, and KeyboardInterrupt for a Ctrl-C."""
        self.alive()
        end_us = self.t_us + us
        while self._events and self._events[0][0] <= end_us:
            t_us, _, what = heapq.heappop(self._events)
            self._watch(t_us)
            self.t_us = max(self.t_us, t_us)
            what()
        self._watch(end_us)
        self.t_us = end_us
        if self.interrupt_pending:
            self.interrupt_pending = False
            raise KeyboardInterrupt

    def block(self, what: str, us: int) -> None:
        """A call that does not come back for a while."""
        self.note("blocked", (what, us))
        self.advance(us)

    def _watch(self, t_us: int) -> None:
        if self.watchdog_ms and t_us - self.fed_us >= self.watchdog_ms * 1000:
            self.t_us = self.fed_us + self.watchdog_ms * 1000
            self.reset(WATCHDOG)

    def note(self, what: str, detail: object = None) -> None:
        self.log.append((self.t_us, what, detail))

    def noted(self, what: str) -> list[object]:
        return [detail for _, name, detail in self.log if name == what]

    def alive(self) -> None:
        if self.dead is not None:
            raise self.dead

    # Resets -------------------------------------------------------------------------------------------------
    def reset(self, cause: int) -> None:
        """Reset the chip: every pad floats, every peripheral stops."""
        self.alive()
        self.note("reset", cause)
        for pad in self.pads.values():
            self.change(pad, out=False, latch=0, source="gpio", signal=0, frozen=None)
        self.dead = ChipReset(cause)
        raise self.dead

    def next_start(self) -> "Chip":
        """The chip after the reset that killed this one."""
        assert self.dead is not None
        after = Chip(self.version)
        after.cause = self.dead.cause
        after.partitions = self.partitions
        after.rtc = self.rtc
        return after

    def soft_reset(self) -> None:
        """Ctrl-D: Python starts anew, peripherals and pads stay as they are."""
        self.cause = SOFT
        for pad in self.pads.values():
            pad.handlers.clear()
        self.uart.clear()
        self.kbd_intr = 3

    # Pads ---------------------------------------------------------------------------------------------------
    def change(self, pad: Pad, **what: object) -> None:
        """Change something about a pad and note what that does to its level."""
        before = pad.level()
        for name, value in what.items():
            setattr(pad, name, value)
        after = pad.level()
        if after != before:
            self.history.append((self.t_us, pad.number, after))
            if after:
                for handler in list(pad.handlers):
                    handler()

    def level(self, number: int) -> int:
        return self.pads[number].level()

    def outside(self, number: int, level: int) -> None:
        """The board drives an input."""
        self.change(self.pads[number], outside=level)

    def highs(self, number: int) -> list[tuple[int, int]]:
        """(from, to) of the times a pad was high, in us."""
        found: list[tuple[int, int]] = []
        since = None
        for t_us, pin, level in self.history:
            if pin == number and level:
                since = t_us
            elif pin == number and since is not None:
                found.append((since, t_us))
                since = None
        if since is not None:
            found.append((since, self.t_us))
        return found

    # The line to the host ---------------------------------------------------------------------------------------
    def from_host(self, data: bytes) -> None:
        """Bytes on the USB bridge's receive pin: for a UART that has the pin, else for the REPL's little ring."""
        for uart in self.uart.values():
            if uart.rx == 3:
                uart.arrive(data)
                return
        for byte in data:
            if byte == self.kbd_intr:
                self.interrupt_pending = True
            elif len(self.repl) < REPL_RING:
                self.repl.append(byte)
            else:
                self.note("lost", 1)
