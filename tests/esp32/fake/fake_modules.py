# SPDX-License-Identifier: Apache-2.0
"""`machine`, `time` and `micropython` over a fake chip: only what the firmware uses, as the port does it."""

import time as real_time
import types
from typing import Any

from fake_chip import FIFO, INPUT_ONLY, MASK, SOFT, Chip
from fake_rmt import esp32_module

ETIMEDOUT, ENODEV = 116, 19


def modules(chip: Chip) -> dict[str, types.ModuleType]:
    """The modules by name."""
    machine = _machine(chip)
    return {"machine": machine, "esp32": esp32_module(chip), "time": _time(chip), "micropython": _micropython(chip)}


def _module(name: str, **content: Any) -> types.ModuleType:
    module = types.ModuleType(name)
    for key, value in content.items():
        setattr(module, key, value)
    return module


def _time(chip: Chip) -> types.ModuleType:
    def ticks_us() -> int:
        chip.advance(2)
        return (chip.t_us + chip.ticks_offset_us) & MASK

    def ticks_ms() -> int:
        chip.advance(2)
        return ((chip.t_us + chip.ticks_offset_us) // 1000) & MASK

    def diff(a: int, b: int) -> int:
        return ((a - b + 0x20000000) & MASK) - 0x20000000

    fake = _module("time", ticks_us=ticks_us, ticks_ms=ticks_ms, ticks_diff=diff)
    fake.ticks_add = lambda t, delta: (t + delta) & MASK
    fake.sleep_ms = lambda ms: chip.advance(ms * 1000)
    fake.sleep_us = chip.advance
    # Whoever else imports `time` meanwhile gets the real one.
    fake.__getattr__ = lambda name: getattr(real_time, name)
    return fake


def _micropython(chip: Chip) -> types.ModuleType:
    return _module("micropython", const=lambda x: x, kbd_intr=lambda c: setattr(chip, "kbd_intr", c))


def _number(pin: Any) -> int:
    return pin if isinstance(pin, int) else pin.number


def _machine(chip: Chip) -> types.ModuleType:
    class Pin:
        IN, OUT, OPEN_DRAIN = 1, 3, 7
        PULL_DOWN, PULL_UP = 1, 2
        IRQ_RISING, IRQ_FALLING = 1, 2

        def __init__(self, number: Any, *args: Any, **kwargs: Any) -> None:
            chip.alive()
            self.number = _number(number)
            if self.number not in chip.pads:
                raise ValueError("invalid pin")
            self.pad = chip.pads[self.number]
            if args or kwargs:
                self.init(*args, **kwargs)

        def init(self, mode: int | None = None, pull: int | None = -1, *, value: Any = None, hold: Any = None) -> None:
            chip.alive()
            if mode == Pin.OUT and self.number in INPUT_ONLY:
                raise ValueError("pin can only be input")
            if pull not in (-1, None) and self.number in INPUT_ONLY:
                raise ValueError("pin has no pulls")
            if value is not None:
                chip.change(self.pad, latch=int(bool(value)))
            if mode is not None:
                # The GPIO matrix connects an output to its GPIO again, whatever drove it before.
                chip.change(self.pad, out=mode == Pin.OUT, source="gpio")
            if hold is not None:
                chip.change(self.pad, frozen=None)
                if hold:
                    chip.change(self.pad, frozen=self.pad.level())

        def value(self, level: Any = None) -> int | None:
            chip.alive()
            if level is None:
                return self.pad.level()
            chip.change(self.pad, latch=int(bool(level)))
            return None

        def irq(self, handler: Any, trigger: int) -> None:
            assert trigger == Pin.IRQ_RISING
            self.pad.handlers.append(lambda: handler(self))

    class PWM:
        """Ends with `deinit` or a hard reset. Before 1.26 it starts with half duty, whatever is asked for."""

        def __init__(self, pin: Pin, freq: int = 5000, *, duty_u16: int = 32768) -> None:
            chip.alive()
            self.pin = pin
            if pin.number not in chip.pwm and len(chip.pwm) >= chip.pwm_channels:
                raise ValueError("out of PWM channels")
            chip.change(pin.pad, out=True, source="pwm", signal=1 if chip.version < (1, 26) else int(duty_u16 > 0))
            chip.pwm[pin.number] = duty_u16
            chip.advance(100)
            chip.change(pin.pad, signal=int(duty_u16 > 0))

        def deinit(self) -> None:
            chip.pwm.pop(self.pin.number, None)
            chip.change(self.pin.pad, source="gpio", signal=0)

    class ADC:
        ATTN_11DB = 3

        def __init__(self, pin: Pin, *, atten: int) -> None:
            # ADC2's pins cannot be read while the radio is on, and the pin map must not use them.
            if pin.number not in range(32, 40):
                raise ValueError("invalid pin")
            self.pin = pin

        def read_uv(self) -> int:
            chip.advance(50)
            chip.note("adc", self.pin.number)
            uv = chip.analog.get(self.pin.number, lambda: 1_000_000)()
            return max(142_000, min(3_100_000, uv)) // 1000 * 1000

    class I2C:
        def __init__(self, number: int, *, sda: Pin, scl: Pin, freq: int, timeout: int) -> None:
            self.number, self.freq, self.timeout = number, freq, timeout
            chip.note("i2c", (number, sda.number, scl.number, freq, timeout))

        def _part(self, address: int, length: int) -> Any:
            if self.number in chip.stuck:
                chip.block("i2c", self.timeout)
                raise OSError(ETIMEDOUT, "ETIMEDOUT")
            part = chip.devices[self.number].get(address)
            chip.advance(9 * (1 + (length if part else 0)) * 1_000_000 // self.freq)
            if part is None:
                raise OSError(ENODEV, "ENODEV")
            return part

        def writeto(self, address: int, buf: Any) -> int:
            self._part(address, len(buf)).write(bytes(buf))
            return len(buf)

        def readfrom_into(self, address: int, buf: Any) -> None:
            buf[:] = self._part(address, len(buf)).read(len(buf))

    class UART:
        def __init__(
            self,
            number: int,
            baudrate: int = 115200,
            *,
            tx: int = -1,
            rx: int = -1,
            txbuf: int = 256,
            rxbuf: int = 256,
            timeout: int = 0,
        ) -> None:
            if number == 0:
                raise ValueError("REPL UART buffer size is fixed")
            self.tx, self.rx, self.txbuf, self.rxbuf = tx, rx, txbuf, rxbuf
            self.per_us = baudrate / 10 / 1_000_000
            self.received = bytearray()
            self.queue: list[tuple[int, bytes]] = []
            self.sent_us = float(chip.t_us)
            chip.uart[number] = self

        def init(self, baudrate: int = 0) -> None:
            """Waits until all has left, as the port does, and changes the rate; buffers and their contents stay."""
            self._drain()
            while self.queue:
                chip.block("uart", 100)
                self._drain()
            if baudrate:
                self.per_us = baudrate / 10 / 1_000_000
                self.sent_us = float(chip.t_us)

        def arrive(self, data: bytes) -> None:
            room = self.rxbuf + FIFO - len(self.received)
            self.received += data[:room]
            if len(data) > room:
                chip.note("lost", len(data) - room)

        def any(self) -> int:
            chip.advance(2)
            return min(len(self.received), self.rxbuf)

        def readinto(self, buf: bytearray) -> int | None:
            got = bytes(self.received[: len(buf)])
            del self.received[: len(got)]
            buf[: len(got)] = got
            return len(got) or None

        def _drain(self) -> None:
            while self.queue:
                _, data = self.queue[0]
                done_us = self.sent_us + len(data) / self.per_us
                if done_us > chip.t_us:
                    break
                self.sent_us = done_us
                chip.host += data
                self.queue.pop(0)
            else:
                self.sent_us = float(chip.t_us)

        def write(self, buf: bytearray, length: int) -> int:
            """Into the driver's ring, with 40 bytes for each message's headers. Blocks while there is no room."""
            self._drain()
            data = bytes(buf[:length])
            while sum(size for size, _ in self.queue) + length + 40 > self.txbuf:
                chip.block("uart", 1000)
                self._drain()
            self.queue.append((length + 40, data))
            return length

    class WDT:
        """One for the chip. Nothing stops it; a second construction sets its time."""

        def __init__(self, id: int = 0, *, timeout: int = 5000) -> None:
            chip.watchdog_ms = timeout
            chip.fed_us = chip.t_us
            chip.note("watchdog", timeout)

        def feed(self) -> None:
            chip.alive()
            chip.fed_us = chip.t_us
            chip.note("fed")

    class RTC:
        """Its memory, which nobody checks."""

        def memory(self, data: bytes | None = None) -> bytes | None:
            chip.alive()
            if data is None:
                return chip.rtc
            assert len(data) <= 2048
            chip.rtc = bytes(data)
            return None

    class Counter:
        """The pulse counter unit behind the port's own class."""

        RISING = 1

        def __init__(self, unit: int, src: Pin, *, edge: int, filter_ns: int) -> None:
            assert 0 <= unit < 8
            assert edge == Counter.RISING
            assert filter_ns * 80 // 1000 <= 1023
            self.count = 0
            src.pad.handlers.append(self._edge)

        def _edge(self) -> None:
            self.count += 1

        def value(self) -> int:
            return self.count

    machine = _module("machine", Pin=Pin, PWM=PWM, ADC=ADC, I2C=I2C, UART=UART, WDT=WDT, RTC=RTC)
    if chip.version >= (1, 26):
        machine.Counter = Counter
    machine.PWRON_RESET, machine.HARD_RESET, machine.WDT_RESET = 1, 2, 3
    machine.DEEPSLEEP_RESET, machine.SOFT_RESET = 4, SOFT
    machine.reset_cause = lambda: chip.cause
    machine.reset = lambda: chip.reset(2)
    machine.unique_id = lambda: b"\x24\x6f\x28\x01\x02\x03"
    return machine
