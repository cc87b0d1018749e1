# SPDX-License-Identifier: Apache-2.0
"""The PN532's commands (UM0701-02, 7) and the tags in its field: what a command does and how long it takes.

Durations are the data sheets' where they name one, the closest field reports where not.
"""

from podsteam_protocol.const import const
from podsteam_twin.nfc.ntag import ACK as TAG_ACK
from podsteam_twin.nfc.ntag import ACTIVE

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_twin.nfc.ntag import Ntag

# Status bytes of the RF commands
OK = const(0x00)
TIMEOUT = const(0x01)
RF_CRC = const(0x02)
OVERFLOW = const(0x07)
FORMAT = const(0x13)
"""Also a tag's NAK to InDataExchange."""
AUTH = const(0x14)
CONTEXT = const(0x27)
"""No such target, or a tag command that InDataExchange does not know."""

_FIRMWARE = const(0x02)
_SAM = const(0x14)
_POWER_DOWN = const(0x16)
_RF_CONFIG = const(0x32)
EXCHANGE = const(0x40)
THRU = const(0x42)
_DESELECT = const(0x44)
_LIST = const(0x4A)
_RELEASE = const(0x52)
_SELECT = const(0x54)

# Fewest payload bytes after TFI and command code, by command; a command that is not here is bad syntax.
_LEAST = {
    _FIRMWARE: 0,
    _SAM: 1,
    _POWER_DOWN: 1,
    _RF_CONFIG: 2,
    EXCHANGE: 2,
    THRU: 1,
    _DESELECT: 1,
    _LIST: 2,
    _RELEASE: 1,
    _SELECT: 1,
}

_TAG_WRITE = const(0xA2)
_TAG_READ = const(0x30)
_RF_BUFFER = const(262)
"""Bytes of an answer from the tag at most."""

# Durations, us
_PLAIN_US = const(500)
_GUARD_US = const(5000)
"""Unmodulated field before the first request (ISO 14443-3)."""
_ACTIVATE_US = const(4500)
"""Request, two cascade levels of anticollision and SELECT."""
_ATTEMPT_US = const(5000)
"""One request that nothing answers."""
_RF_US = const(1000)
"""The chip's own time for an exchange."""
_RF_BYTE_US = const(85)
"""9 bits at 106 kbit/s."""
_TAG_WRITE_US = const(4500)
"""EEPROM time of WRITE; its time-out is 10 ms."""
_MIFARE_TIMEOUT_US = const(10000)
NEVER = const(1 << 60)
"""Later than any time."""


class Commands:
    """Settings of the chip, its field and its targets; `_execute` carries out one command.

    `others`: tags in the field beside the one of `Pn532.tag`. `rf_on`: whether the field is on.
    """

    def __init__(self) -> None:
        self.others: list[Ntag] = []
        self.rf_on = False
        self._tag: Ntag | None = None
        self._power_up()

    def _power_up(self) -> None:
        """Settings after power-up or reset."""
        self._configured = False
        self._wake_on_i2c = True
        self._to_sleep = False
        self._retries = 0xFF
        self._thru_timeout_us = 51200
        self._listed: list[Ntag] = []
        self._set_field(False)

    def _set_field(self, on: bool) -> None:
        self.rf_on = on
        if self._tag is not None:
            self._tag.field(on)
        for tag in self.others:
            tag.field(on)
        if not on:
            self._listed = []

    def _duration(self, payload: bytes) -> int:
        """us that the command takes, as things stand."""
        code = payload[1]
        if code == _LIST and self._configured:
            first = 0 if self.rf_on else _GUARD_US
            if (self._tag is not None or self.others) and len(payload) > 3 and payload[3] == 0:
                return first + _ACTIVATE_US
            if self._retries == 0xFF:
                return NEVER
            return first + (self._retries + 1) * _ATTEMPT_US
        if code == EXCHANGE and len(payload) > 3:
            return self._rf_time(payload, 3, _MIFARE_TIMEOUT_US)
        if code == THRU and len(payload) > 2:
            return self._rf_time(payload, 2, self._thru_timeout_us)
        return _PLAIN_US

    def _rf_time(self, payload: bytes, at: int, timeout_us: int) -> int:
        if not self._tag_listens():
            return _RF_US + timeout_us
        code = payload[at]
        count = len(payload) - at + 4
        if code == _TAG_READ:
            count += 16
        elif code == 0x3A and len(payload) > at + 2:
            count += 4 * max(payload[at + 2] - payload[at + 1] + 1, 0)
        elif code == 0x3C:
            count += 32
        return _RF_US + _RF_BYTE_US * count + (_TAG_WRITE_US if code == _TAG_WRITE else 0)

    def _tag_listens(self) -> bool:
        if self._tag is not None and self._tag.state == ACTIVE:
            return True
        for tag in self.others:
            if tag.state == ACTIVE:
                return True
        return False

    def _execute(self, payload: bytes) -> bytes | None:
        """The answer's bytes after its code, or None for bad syntax."""
        code = payload[1]
        if code not in _LEAST or len(payload) - 2 < _LEAST[code]:
            return None
        if code == _FIRMWARE:
            return b"\x32\x01\x06\x07"
        if code == _SAM:
            if not 1 <= payload[2] <= 4:
                return None
            self._configured = payload[2] == 1
            return b""
        if code == _POWER_DOWN:
            self._wake_on_i2c = bool(payload[2] & 0x80)
            self._set_field(False)
            self._to_sleep = True
            return b"\0"
        if code == _RF_CONFIG:
            return self._rf_config(payload[2], payload[3:])
        if not self._configured:
            return None
        if code == _LIST:
            return self._list(payload[2], payload[3], payload[4:])
        if code == EXCHANGE:
            return self._exchange(payload[2], payload[3:])
        if code == THRU:
            return self._thru(payload[2:])
        return self._target(code, payload[2])

    def _rf_config(self, item: int, data: bytes) -> bytes | None:
        if item == 1:
            self._set_field(bool(data[0] & 1))
        elif item == 2:
            if len(data) != 3 or not data[2] <= 16:
                return None
            self._thru_timeout_us = (100 << data[2]) >> 1 if data[2] else NEVER
        elif item == 5:
            if len(data) != 3:
                return None
            self._retries = data[2]
        elif item != 4:
            return None
        return b""

    def _list(self, most: int, rate: int, wanted: bytes) -> bytes | None:
        if not 1 <= most <= 2:
            return None
        self._set_field(True)
        self._listed = []
        if rate == 0:
            found: list[Ntag] = []
            tags = self.others if self._tag is None else [self._tag] + self.others
            # An active tag does not answer a request but falls back; the next attempt finds it.
            for _ in range(min(self._retries + 1, 2)):
                found = [tag for tag in tags if tag.request(True)]
                if found:
                    break
            if wanted:
                found = [tag for tag in found if wanted in (tag.uid, b"\x88" + tag.uid)]
            for tag in found[:most]:
                if tag.select():
                    if self._listed:
                        self._listed[-1].command(b"\x50\0")
                    self._listed.append(tag)
        answer = bytes((len(self._listed),))
        for i, tag in enumerate(self._listed):
            answer += bytes((i + 1, 0x00, 0x44, 0x00, len(tag.uid))) + tag.uid
        return answer

    def _activate(self, number: int) -> bool:
        """Make listed target `number` the active one, in place of the other if that is. False: no such target."""
        if not 1 <= number <= len(self._listed):
            return False
        if len(self._listed) > 1:
            other = self._listed[2 - number]
            if other.state == ACTIVE:
                other.command(b"\x50\0")
                tag = self._listed[number - 1]
                tag.request(True)
                tag.select()
        return True

    def _exchange(self, number: int, data: bytes) -> bytes:
        if not self._activate(number):
            return bytes((CONTEXT,))
        if data[0] == 0x60 or data[0] == 0x61:
            return bytes((AUTH,))
        if data[0] != _TAG_READ and data[0] != _TAG_WRITE:
            return bytes((CONTEXT,))
        answer = self._listed[number - 1].command(data)
        if answer is None:
            return bytes((TIMEOUT,))
        if isinstance(answer, bytes):
            return b"\0" + answer
        return bytes((OK if answer == TAG_ACK else FORMAT,))

    def _thru(self, data: bytes) -> bytes:
        answer = None
        for tag in [self._tag] + self.others:
            if tag is not None and answer is None:
                answer = tag.command(data)
        if answer is None:
            return bytes((TIMEOUT,))
        if not isinstance(answer, bytes):
            return bytes((RF_CRC,))
        if len(answer) > _RF_BUFFER:
            return bytes((OVERFLOW,))
        return b"\0" + answer

    def _target(self, code: int, number: int) -> bytes:
        """InDeselect, InRelease, InSelect; number 0 is all of them (not for InSelect)."""
        if number > len(self._listed) or (code == _SELECT and number == 0):
            return bytes((CONTEXT,))
        chosen = self._listed[number - 1 : number] if number else self._listed
        for tag in chosen:
            if code == _SELECT:
                tag.request(True)
                if not tag.select():
                    return bytes((TIMEOUT,))
            else:
                tag.command(b"\x50\0")
        if code == _RELEASE:
            self._listed = [tag for tag in self._listed if tag not in chosen]
        return b"\0"
