# SPDX-License-Identifier: Apache-2.0
"""The pin map is one that a classic ESP32 can have, and the board's document says the same."""

import re
from pathlib import Path

import pytest

import podsteam_firmware
from podsteam_firmware.hal import pins

SOURCE = Path(podsteam_firmware.__file__).parent / "hal" / "pins.py"
LINE = re.compile(r"^([A-Z_]+) = const\((\w+)\)  # (out|in|analog|i2c|uart|light|switch): (.+)$", re.MULTILINE)

FLASH = set(range(6, 12))
STRAPPING = {0, 2, 5, 12, 15}
INPUT_ONLY = set(range(34, 40))
ADC1 = set(range(32, 40))
EXISTING = set(range(40)) - {20, 24, 28, 29, 30, 31}
MOVES_AT_START = {1, 3, 14}
"""UART 0 and MTMS: they move by themselves while the chip starts."""
GLITCHES = {36, 39}
"""Pulled low for some 80 ns when the chip's own converters power up (ESP32 errata, 3.11)."""


def rows() -> list[tuple[str, int, str, str]]:
    return [(n, int(v, 0), kind, text) for n, v, kind, text in LINE.findall(SOURCE.read_text(encoding="utf-8"))]


GPIOS = [row for row in rows() if row[2] not in ("light", "switch")]
BITS = [row for row in rows() if row[2] in ("light", "switch")]


def test_the_lines_are_the_module() -> None:
    public = {name: value for name, value in vars(pins).items() if name.isupper() and name not in ("EXPANDER", "CLOCK")}
    assert public == {name: value for name, value, _, _ in rows()}
    assert len(GPIOS) == 21
    assert len(BITS) == 7


def test_no_pin_is_used_twice() -> None:
    numbers = [number for _, number, _, _ in GPIOS]
    assert len(set(numbers)) == len(numbers)
    bits = [bit for _, bit, _, _ in BITS]
    assert len(set(bits)) == len(bits)
    assert all(bit & (bit - 1) == 0 and 0 < bit < 0x100 for bit in bits)
    assert pins.EXPANDER != pins.CLOCK


@pytest.mark.parametrize(("name", "number", "kind", "text"), GPIOS)
def test_the_chip_can_do_that(name: str, number: int, kind: str, text: str) -> None:
    assert number in EXISTING
    assert number not in FLASH | STRAPPING
    if kind in ("out", "i2c"):
        assert number not in INPUT_ONLY
    if kind == "analog":
        assert number in ADC1
    if kind == "in":
        assert number not in GLITCHES


@pytest.mark.parametrize("number", [pins.SSR, pins.RELAY, pins.VALVE])
def test_what_heats_or_doses_stays_quiet_at_start(number: int) -> None:
    assert number not in MOVES_AT_START
    # These have neither a pull-up at reset nor a function there (ESP32 data sheet, IO_MUX table).
    assert number in {25, 26, 27}


def test_pins_with_a_pull_have_one(pytestconfig: pytest.Config) -> None:
    source = (SOURCE.parent / "esp32.py").read_text(encoding="utf-8")
    pulled = re.findall(r"Pin\(pins\.(\w+), Pin\.IN, Pin\.PULL_UP\)", source)
    assert pulled
    assert all(getattr(pins, name) not in INPUT_ONLY for name in pulled)


def test_the_boards_document_has_the_same_table(pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "hw" / "board" / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `([A-Z_]+)` \| (\w+) \| (\w+) \| ([^|]+?) \|", text, re.MULTILINE)
    assert [(n, int(v, 0), kind, what) for n, v, kind, what in table] == rows()
