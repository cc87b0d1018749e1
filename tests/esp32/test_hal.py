# SPDX-License-Identifier: Apache-2.0
"""The ESP32's HAL as a whole, on a fake chip with the port's semantics, for every version of the port."""

import inspect
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_board import Mains, furnish
from fake_chip import Chip, ChipReset

from podsteam_firmware.hal import pins, verbs
from podsteam_protocol import messages as m
from podsteam_protocol import signs

Record = Callable[[str, float, str, str, bool, str], None]
Load = Callable[[str], types.ModuleType]


# The contract -----------------------------------------------------------------------------------------------


def test_every_verb_is_there_with_its_parameters(hal: Any) -> None:
    verbs_of = {name: verb for name, verb in vars(verbs.Hal).items() if inspect.isfunction(verb) and name[0] != "_"}
    assert len(verbs_of) > 25
    for name, verb in verbs_of.items():
        assert name in vars(type(hal)), name
        assert list(inspect.signature(verb).parameters) == list(inspect.signature(getattr(type(hal), name)).parameters)
    for name, kind in inspect.get_annotations(verbs.Hal).items():
        assert type(getattr(hal, name)) is kind, name


def test_identity(hal: Any, chip: Chip) -> None:
    assert hal.uid == b"\x24\x6f\x28\x01\x02\x03"
    assert 0 < hal.boot_id < 1 << 30
    assert len(hal.board) <= 16
    assert hal.caps == m.CAP_NFC | m.CAP_VALVE | m.CAP_LOAD_SENSE | m.CAP_CLOCK | m.CAP_BULK | m.CAP_BAUD
    assert hal.speed == 1
    assert hal.rx_window == 4096


@pytest.mark.parametrize(
    ("port", "cause"),
    [
        (1, m.RESET_POWER_ON),
        (2, m.RESET_HARD),
        (3, m.RESET_WATCHDOG),
        (4, m.RESET_DEEP_SLEEP),
        (5, m.RESET_SOFT),
        (0, m.RESET_UNKNOWN),
    ],
)
def test_reset_causes(chip: Chip, load: Load, tmp_path: Path, port: int, cause: int) -> None:
    furnish(chip)
    chip.cause = port
    assert load("podsteam_firmware.hal.esp32").Esp32Hal(str(tmp_path)).reset_cause == cause


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0123456789abcdef", bytes.fromhex("0123456789abcdef")),
        ("0123456789abcdef\n", bytes.fromhex("0123456789abcdef")),
        ("0123456789abcde", bytes(8)),
        ("no hash at all", bytes(8)),
        ("", bytes(8)),
        (None, bytes(8)),
    ],
)
def test_firmware_hash(chip: Chip, load: Load, tmp_path: Path, text: str | None, expected: bytes) -> None:
    if text is not None:
        (tmp_path / "firmware.id").write_text(text)
    assert load("podsteam_firmware.hal.esp32").Esp32Hal(str(tmp_path)).firmware_hash == expected


def test_construction_switches_nothing_on(hal: Any, chip: Chip) -> None:
    assert not [1 for _, pin, level in chip.history if level and pin in (pins.SSR, pins.RELAY, pins.VALVE, pins.BUZZER)]
    assert all(chip.pads[number].out for number in (pins.SSR, pins.RELAY, pins.VALVE))


def test_the_ticks_part_allocates_nothing(run_micropython: Callable[..., str], tmp_path: Path) -> None:
    script = Path(__file__).parent / "tick_bytes_checks.py"
    spent = dict(line.split() for line in run_micropython(script, str(tmp_path)).splitlines())
    assert {"sample", "heartbeat", "burst", "valve_pulse", "burst_abort", "wait", "feed"} <= set(spent)
    assert {name: bytes_ for name, bytes_ in spent.items() if bytes_ != "0"} == {}


def test_random_is_30_bits(hal: Any) -> None:
    values = [hal.random() for _ in range(200)]
    assert max(values) < 1 << 30
    assert len(set(values)) > 190
    assert max(values) > 1 << 28


# Valve and signs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width_us", [1_000, 1_001, 12_345, 32_767, 99_999, 500_000, 1_000_000])
def test_valve_pulse_is_exact_and_ends_by_itself(hal: Any, chip: Chip, width_us: int) -> None:
    hal.valve_pulse(width_us)
    assert hal.valve_busy()
    chip.watchdog_ms = 0
    chip.advance(2_000_000)
    assert [end - begin for begin, end in chip.highs(pins.VALVE)] == [width_us]
    assert not hal.valve_busy()


def test_pauses_and_a_hang_never_change_a_pulse(hal: Any, chip: Chip, record_figure: Record) -> None:
    """The pulse is the hardware's: what the interpreter does meanwhile does not reach it."""
    chip.watchdog_ms = 0
    worst = 0.0
    longer = 0
    widths = [1_000 + 37_003 * i % 999_001 for i in range(60)]
    for i, width_us in enumerate(widths):
        hal.valve_pulse(width_us)
        if i % 3:
            # Collections of 3 to 60 ms between looks; every third time the interpreter hangs altogether.
            for pause_ms in (3, 17, 60, 41, 5):
                chip.advance(1_000 * pause_ms)
                hal.valve_busy()
        chip.advance(1_200_000)
        begin, end = chip.highs(pins.VALVE)[-1]
        worst = max(worst, abs(end - begin - width_us) / width_us)
        longer += end - begin > width_us
        assert not hal.valve_busy()
    context = f"most over {len(widths)} widths, collections of 3 to 60 ms and hangs; {longer} longer; simulated RMT"
    record_figure("dose/pulse_error", 100 * worst, "%", "<= 1 %", worst <= 0.01 and not longer, context)
    assert worst <= 0.01 and not longer
    assert len(chip.highs(pins.VALVE)) == len(widths)


@pytest.mark.parametrize("width_us", [-1, 0, 999, 1_000_001])
def test_valve_pulse_out_of_range_is_refused(hal: Any, chip: Chip, width_us: int) -> None:
    with pytest.raises(ValueError, match="1 ms to 1 s"):
        hal.valve_pulse(width_us)
    assert chip.level(pins.VALVE) == 0


def test_valve_abort(hal: Any, chip: Chip) -> None:
    hal.valve_pulse(800_000)
    chip.advance(10_000)
    hal.valve_abort()
    assert chip.level(pins.VALVE) == 0
    hal.valve_pulse(1_000)
    chip.advance(900_000)
    assert [end - begin for begin, end in chip.highs(pins.VALVE)] == [10_000]
    hal.valve_pulse(2_000)
    chip.advance(5_000)
    assert chip.highs(pins.VALVE)[-1][1] - chip.highs(pins.VALVE)[-1][0] == 2_000
    assert chip.noted("blocked") == []
    assert chip.dead is None


@pytest.mark.parametrize("sound", [0x01, 0x05, 0x77, 0x80, 0xFF])
def test_a_sound_is_played_as_its_bits_and_ends_by_itself(hal: Any, chip: Chip, sound: int) -> None:
    begun_us = chip.t_us
    hal.beep(sound)
    hal.beep(0xFF)
    chip.watchdog_ms = 0
    chip.advance(2_000_000)
    heard = [(begin - begun_us, end - begun_us) for begin, end in chip.highs(pins.BUZZER)]
    for step in range(8):
        middle_us = step * 100_000 + 50_000
        assert any(begin < middle_us < end for begin, end in heard) == bool(sound >> step & 1)
    assert all(end <= 800_000 for _, end in heard)
    hal.beep(0x01)
    chip.advance(500_000)
    assert chip.highs(pins.BUZZER)[-1][0] - begun_us == 2_000_000


def test_light_leaves_the_switches_readable(hal: Any, chip: Chip) -> None:
    expander = chip.devices[1][pins.EXPANDER]
    for lamps in range(8):
        hal.light(lamps)
        assert expander.written == 0xFF & ~lamps
    hal.light(signs.COLOURS["red"])
    assert expander.written == 0xFF & ~pins.RED
    hal.light(signs.COLOURS["cyan"])
    assert expander.written == 0xFF & ~(pins.GREEN | pins.BLUE)
    hal.light(0xFF)
    assert expander.written == 0xF8


# Store ------------------------------------------------------------------------------------------------------


def test_files(hal: Any, tmp_path: Path) -> None:
    assert hal.file_read("programs/gentle") is None
    assert hal.file_list("programs") == []
    assert hal.file_write("programs/gentle", b"abc")
    assert hal.file_write("programs/gentle", memoryview(b"defg"))
    assert hal.file_read("programs/gentle") == b"defg"
    assert hal.file_read("programs/gentle", 2) == b"de"
    assert hal.file_append("records/00001", b"12")
    assert hal.file_append("records/00001", bytearray(b"34"))
    buf = bytearray(3)
    assert hal.file_read_at("records/00001", 1, buf) == 3
    assert buf == b"234"
    assert hal.file_read_at("records/00001", 4, buf) == 0
    assert hal.file_read_at("records/none", 0, buf) == -2
    assert hal.file_list("programs") == [("gentle", 4)]
    assert hal.file_write("programs/a", b"")
    assert hal.file_list("programs") == [("a", 0), ("gentle", 4)]
    assert hal.file_remove("programs/a")
    assert not hal.file_remove("programs/a")
    assert hal.file_write("a/b/c", b"deep")
    assert hal.file_read("a/b/c") == b"deep"
    assert {path.name for path in tmp_path.iterdir()} == {"data"}


def test_a_replaced_file_is_the_old_or_the_new(hal: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hal.file_write("config", b"old")
    files = sys.modules["podsteam_firmware.hal.esp32_files"]

    def cut(*_: object) -> None:
        assert (tmp_path / "data" / "config").read_bytes() == b"old"
        raise OSError(5, "EIO")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files.os, "rename", cut)
        assert not hal.file_write("config", b"new")
    assert hal.file_read("config") == b"old"
    # What was left half written is not listed, and does not stand in the way.
    assert hal.file_list("") == [("config", 3)]
    assert hal.file_write("config", b"new")
    assert hal.file_read("config") == b"new"


def test_a_full_store_says_so(hal: Any) -> None:
    files = sys.modules["podsteam_firmware.hal.esp32_files"]

    def full(*_: object) -> None:
        raise OSError(28, "ENOSPC")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "open", full, raising=False)
        assert not hal.file_write("config", b"x")
        assert not hal.file_append("config", b"x")
        assert hal.file_read_at("config", 0, bytearray(1)) == -28


def test_a_file_that_grows_is_there_when_it_is_closed(hal: Any, tmp_path: Path) -> None:
    """Of the whole file system, as an update has it."""
    root = hal.root_files()
    growing = root.file_grow("b/podsteam_firmware/core.mpy")
    assert growing.write(b"one ") and growing.write(memoryview(b"two")) and growing.close()
    assert (tmp_path / "b/podsteam_firmware/core.mpy").read_bytes() == b"one two"
    assert root.folder_list("b") == ["podsteam_firmware"]
    (tmp_path / "b/folder").mkdir()
    assert root.file_grow("b/folder") is None


# Watchdog ---------------------------------------------------------------------------------------------------


def test_watchdog_is_long_until_the_first_tick_and_then_1_s(hal: Any, chip: Chip) -> None:
    assert chip.noted("watchdog") == [10_000]
    chip.advance(9_900_000)
    hal.feed()
    assert chip.noted("watchdog") == [10_000, 1_000]
    for _ in range(5):
        chip.advance(990_000)
        hal.feed()
    assert chip.noted("watchdog") == [10_000, 1_000]
    with pytest.raises(ChipReset) as caught:
        chip.advance(1_001_000)
    assert caught.value.cause == 3
    assert chip.next_start().cause == 3


def test_a_hang_ends_with_everything_off(hal: Any, chip: Chip) -> None:
    hal.feed()
    hal.burst(0x1FFFFFF, 25, 20000)
    hal.valve_pulse(1_000_000)
    hal.heartbeat()
    hang_us = chip.t_us
    with pytest.raises(ChipReset):
        chip.advance(5_000_000)
    assert max(end for _, end in chip.highs(pins.SSR)) - hang_us <= 502_000
    assert max(end for _, end in chip.highs(pins.VALVE)) - hang_us <= 1_001_000
    # Edges end with the hang, so the charge pump runs out whatever the pin's level is.
    assert next(t_us for t_us, pin, _ in chip.history if pin == pins.RELAY) == hang_us


def test_reset_is_asked_of_main(hal: Any, chip: Chip) -> None:
    with pytest.raises(SystemExit):
        hal.reset()
    assert chip.dead is None


# Under the core ---------------------------------------------------------------------------------------------


def test_the_real_loop_runs_on_it(hal: Any, chip: Chip) -> None:
    from podsteam_firmware.loop import Loop

    Mains(chip)
    loop = Loop(hal)
    for _ in range(400):
        loop.turn()
    assert chip.t_us > 2_000_000
    assert len(chip.noted("fed")) > 30
    assert chip.noted("blocked") == []
    assert chip.dead is None
