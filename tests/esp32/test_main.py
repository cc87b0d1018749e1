# SPDX-License-Identifier: Apache-2.0
"""`main.py`: a moment for the REPL, then what the loader chooses; whatever ends it ends off, with words and a reset.

The slot is entered for real in `tests/loader`, on MicroPython: here its name is chosen from files, and the modules of
the checkout stand for what is in it.
"""

import importlib
import itertools
import runpy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_board import Mains, furnish
from fake_chip import Chip, ChipReset
from fake_install import ENTRY, installed

from podsteam.flash import image
from podsteam.wire import messages as w
from podsteam_firmware.hal import pins
from podsteam_loader import record
from podsteam_protocol import frame, signs
from podsteam_protocol import messages as m

Load = Callable[[str], types.ModuleType]
DANGEROUS = (pins.SSR, pins.RELAY, pins.VALVE)


@pytest.fixture
def main(chip: Chip, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, with its files below a temporary folder, a good slot a, and the reference board around the chip."""
    furnish(chip)
    Mains(chip)
    fill(tmp_path, "a")
    module = load("main")
    monkeypatch.setattr(module, "_ROOT", f"{tmp_path}/")
    monkeypatch.setattr(module, "_enter", lambda folder: entered.append(folder))
    entered.clear()
    return module


entered: list[str] = []


def fill(root: Path, slot: str) -> None:
    """A slot that is good by its manifest."""
    files = {"podsteam_firmware/loop.mpy": b"M" * 1000, "firmware.id": b"0123456789abcdef"}
    for name, data in {**files, "manifest": image.manifest(files, "0.1.0")}.items():
        path = root / slot / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def loop_that(monkeypatch: pytest.MonkeyPatch, turn: Callable[[Any, int], None]) -> None:
    """Replace the firmware's loop: `turn(hal, number of the turn)`."""
    import podsteam_firmware.loop as real

    class Loop:
        def __init__(self, hal: Any) -> None:
            self.hal = hal
            self.turns = 0

        def turn(self) -> None:
            self.turns += 1
            turn(self.hal, self.turns)

    monkeypatch.setattr(real, "Loop", Loop)


def heat_and_then(error: BaseException) -> Callable[[Any, int], None]:
    """Ten turns with everything on, then an exception."""

    def turn(hal: Any, turns: int) -> None:
        hal.feed()
        hal.heartbeat()
        if turns == 9:
            hal.burst(0x1FFFFFF, 25, 20000)
            hal.valve_pulse(1_000_000)
        if turns == 10:
            raise error
        hal.wait((hal.now_ms() + 50) & 0x3FFFFFFF)

    return turn


ERRORS = [
    ValueError("a wheel came off"),
    MemoryError(),
    KeyboardInterrupt(),
    SystemExit(),
    OSError(5, "EIO"),
    AssertionError(),
    StopIteration(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_ends_it_ends_off_with_last_words_and_a_reset(
    main: Any, chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    ended = []
    loop_that(monkeypatch, heat_and_then(error))
    real_off = main.all_off
    monkeypatch.setattr(main, "all_off", lambda: (ended.append(chip.t_us), real_off()))
    with pytest.raises(ChipReset) as caught:
        main.run()
    assert caught.value.cause == 2
    assert max(end for _, end in chip.highs(pins.SSR)) == ended[0]
    assert max(end for _, end in chip.highs(pins.VALVE)) == ended[0]
    assert max(t_us for t_us, pin, _ in chip.history if pin == pins.RELAY) <= ended[0]
    words = (tmp_path / "data" / "last_words").read_text()
    assert type(error).__name__ in words
    assert words.startswith("after ")
    assert len(words) <= 2048
    assert not (tmp_path / "data" / "last_words.tmp").exists()


def test_the_words_wait_for_the_relay_and_the_watchdog_lets_them(
    main: Any, chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop_that(monkeypatch, heat_and_then(ValueError("x")))
    real_keep = main._keep
    kept = []

    def keep(error: BaseException) -> None:
        kept.append(chip.t_us)
        # An erase as slow as they come.
        chip.advance(400_000)
        real_keep(error)

    monkeypatch.setattr(main, "_keep", keep)
    with pytest.raises(ChipReset) as caught:
        main.run()
    last_edge_us = max(t_us for t_us, pin, _ in chip.history if pin == pins.RELAY)
    assert kept[0] - last_edge_us >= 250_000
    assert caught.value.cause == 2


def test_long_words_are_cut(main: Any, chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop_that(monkeypatch, heat_and_then(ValueError("x" * 5000)))
    with pytest.raises(ChipReset):
        main.run()
    assert (tmp_path / "data" / "last_words").stat().st_size == 2048


def test_new_words_replace_the_old_ones(main: Any, chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "last_words").write_text("the old ones")
    loop_that(monkeypatch, heat_and_then(ValueError("the new ones")))
    with pytest.raises(ChipReset):
        main.run()
    words = (tmp_path / "data" / "last_words").read_text()
    assert "the new ones" in words
    assert "the old ones" not in words


@pytest.mark.parametrize("failing", ["stop", "print", "file", "memory", "off"])
def test_a_failing_end_still_ends_off_and_resets(
    main: Any, chip: Chip, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    loop_that(monkeypatch, heat_and_then(ValueError("x")))

    def fail(*_: object) -> None:
        raise KeyboardInterrupt if failing == "memory" else MemoryError

    if failing == "stop":
        import podsteam_firmware.loop as loop

        monkeypatch.setattr(loop, "stop_everything", fail)
    elif failing == "print":
        monkeypatch.setattr(sys, "print_exception", fail, raising=False)
    elif failing == "file":
        monkeypatch.setattr(main, "open", fail, raising=False)
    elif failing == "memory":
        monkeypatch.setattr(main.gc, "collect", fail)
    else:
        monkeypatch.setattr(main, "all_off", fail)
    with pytest.raises(ChipReset) as caught:
        main.run()
    assert caught.value.cause == 2
    reset_us = next(t_us for t_us, what, _ in chip.log if what == "reset")
    if failing != "off":
        assert all(end < reset_us for number in DANGEROUS for _, end in chip.highs(number))
    # Whatever failed, the chip's reset lets all pads float.
    assert [chip.level(number) for number in DANGEROUS] == [0, 0, 0]


@pytest.mark.parametrize("name", ["podsteam_firmware.hal.esp32", "podsteam_firmware.loop"])
def test_firmware_that_cannot_be_imported(
    main: Any, chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ChipReset) as caught:
        main.run()
    assert caught.value.cause == 2
    assert entered == [f"{tmp_path}/a"]
    assert name in (tmp_path / "data" / "last_words").read_text()
    assert all(chip.highs(number) == [] for number in DANGEROUS)


def test_a_hanging_firmware_is_reset_by_the_watchdog(main: Any, chip: Chip, monkeypatch: pytest.MonkeyPatch) -> None:
    def turn(hal: Any, turns: int) -> None:
        if turns < 10:
            hal.feed()
            hal.heartbeat()
        chip.advance(50_000)

    loop_that(monkeypatch, turn)
    with pytest.raises(ChipReset) as caught:
        main.run()
    assert caught.value.cause == 3


def test_a_firmware_that_never_comes_to_a_tick_is_reset_too(
    main: Any, chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop_that(monkeypatch, lambda hal, turns: chip.advance(50_000))
    with pytest.raises(ChipReset) as caught:
        main.run()
    assert caught.value.cause == 3
    assert chip.t_us < 12_000_000
    assert all(chip.highs(number) == [] for number in DANGEROUS)


def test_a_firmware_that_hangs_while_it_is_imported_is_reset_too(
    main: Any, chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main, "_enter", lambda folder: chip.advance(60_000_000))
    with pytest.raises(ChipReset) as caught:
        main.run()
    assert caught.value.cause == 3
    assert chip.t_us < 12_000_000


# The loader ---------------------------------------------------------------------------------------------------------


def test_the_slot_that_the_record_names_is_entered_and_its_hash_read(
    main: Any, chip: Chip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "b")
    (tmp_path / "boot_record").write_bytes(record.Record(record.B, record.NONE, 0, 1).pack())
    seen = []

    def turn(hal: Any, turns: int) -> None:
        seen.append(hal.firmware_hash)
        raise ValueError

    loop_that(monkeypatch, turn)
    with pytest.raises(ChipReset):
        main.run()
    assert entered == [f"{tmp_path}/b"]
    assert seen == [bytes.fromhex("0123456789abcdef")]


def run_as(chip: Chip, tmp_path: Path, turn: Callable[[Any, int], None]) -> tuple[list[str], Chip]:
    """One more start of the same unit, after what ended the last one; which slot was entered."""
    entered.clear()
    with installed(chip), pytest.MonkeyPatch.context() as patch:
        furnish(chip)
        Mains(chip)
        module = importlib.import_module("main")
        patch.setattr(module, "_ROOT", f"{tmp_path}/")
        patch.setattr(module, "_enter", lambda folder: entered.append(folder))
        loop_that(patch, turn)
        with pytest.raises(ChipReset):
            module.run()
    return [Path(folder).name for folder in entered], chip.next_start()


def hang(hal: Any, turns: int) -> None:
    hal.wait((hal.now_ms() + 50) & 0x3FFFFFFF)


def test_a_trial_ends_after_three_failed_boots_of_either_kind(chip: Chip, tmp_path: Path) -> None:
    fill(tmp_path, "a")
    fill(tmp_path, "b")
    (tmp_path / "boot_record").write_bytes(record.Record(record.A, record.B, record.TRIES, 1).pack())
    runs = []
    for turn in (hang, heat_and_then(ValueError("x")), hang, heat_and_then(SystemExit())):
        slots, chip = run_as(chip, tmp_path, turn)
        runs += slots
    assert runs == ["b", "b", "b", "a"]
    kept = record.unpack((tmp_path / "boot_record").read_bytes())
    assert kept is not None
    assert (kept.active, kept.trial) == (record.A, record.NONE)


def test_thirty_good_seconds_make_it_no_failed_boot(chip: Chip, tmp_path: Path) -> None:
    fill(tmp_path, "a")
    runs = []

    def lasts(hal: Any, turns: int) -> None:
        hal.feed()
        hal.wait((hal.now_ms() + 500) & 0x3FFFFFFF)
        if turns == 70:
            raise ValueError("after 35 s")

    for _ in range(5):
        slots, chip = run_as(chip, tmp_path, lasts)
        runs += slots
    assert runs == ["a"] * 5


def assert_safe_mode_light(lamps: list[int]) -> None:
    """The rhythm of safe mode in lamps that were looked at every 50 ms for two rounds, in its colour."""
    _, colour, rhythm, *_ = next(light for light in signs.LIGHTS if light[0] == "SAFE_MODE")
    assert set(lamps) == {0, signs.COLOURS[colour]}
    runs = [(lit, len(list(same))) for lit, same in itertools.groupby(lamps, bool)][1:-1]
    # A turn takes up to 100 ms, half a step.
    seen = "".join("#."[not lit] * round(length / 4) for lit, length in runs)
    assert seen.strip(".") in rhythm * 3 and len(seen) >= signs.STEPS
    assert seen.count("#") >= rhythm.count("#")


def test_safe_mode_answers_with_everything_off_and_keeps_the_words(chip: Chip, tmp_path: Path) -> None:
    fill(tmp_path, "a")
    for _ in range(3):
        _, chip = run_as(chip, tmp_path, heat_and_then(ValueError("the reason")))
    words = (tmp_path / "data" / "last_words").read_bytes()
    start_us = chip.t_us
    hello = frame.encode(m.HELLO, 1, w.HelloRequest(5, m.MAJOR, m.MINOR).pack())
    chip.at(start_us + 1_000_000, lambda: chip.from_host(hello))
    # The fake's driver sends when it is written to.
    chip.at(start_us + 20_000_000, lambda: chip.from_host(frame.encode(m.PING, 2, bytes(4))))
    chip.at(start_us + 30_000_000, lambda: chip.reset(1))
    lamps: list[int] = []
    for i in range(161):
        chip.at(start_us + 21_000_000 + i * 50_000, lambda: lamps.append(~chip.devices[1][pins.EXPANDER].written & 7))  # type: ignore[attr-defined]
    slots, after = run_as(chip, tmp_path, hang)
    assert slots == []
    assert_safe_mode_light(lamps)
    bodies = [body for is_frame, body in frame.Splitter().feed(bytes(chip.host)) if is_frame]
    assert bodies[0][0] == m.HELLO | m.REPLY
    reply = w.HelloReply.unpack(bodies[0][6:])
    assert reply.caps == w.CapBits.SAFE_MODE
    assert reply.reset_cause == m.RESET_HARD
    text = b"".join(body[2:] for body in bodies if body[0] == m.CONSOLE)
    assert text.endswith(words)
    assert b"the reason" in text
    assert all(chip.highs(number) == [] for number in DANGEROUS)
    assert (tmp_path / "data" / "last_words").read_bytes() == words
    # Fed all the while: the watchdog would have ended it after 10 s.
    assert chip.t_us - start_us >= 30_000_000
    # The power was off: the application gets another chance.
    slots, _ = run_as(after, tmp_path, hang)
    assert slots == ["a"]


# The moment that belongs to the REPL -------------------------------------------------------------------------------


def test_the_repl_has_the_port_for_a_moment(main: Any, chip: Chip) -> None:
    before_us = chip.t_us
    assert main.repl_wanted() is False
    assert 1_400_000 < chip.t_us - before_us < 1_700_000
    assert chip.uart == {}
    assert chip.kbd_intr == 3
    assert chip.watchdog_ms == 0


def test_ctrl_c_in_that_moment_means_the_repl(main: Any, chip: Chip) -> None:
    chip.at(chip.t_us + 700_000, lambda: chip.from_host(b"\x03"))
    assert main.repl_wanted() is True
    assert chip.watchdog_ms == 0


@pytest.mark.parametrize(("down_ms", "up_ms", "wanted"), [(0, 5000, True), (0, 1000, False), (500, 5000, False)])
def test_the_button_means_the_repl_only_if_held_all_the_while(
    main: Any, chip: Chip, down_ms: int, up_ms: int, wanted: bool
) -> None:
    start_us = chip.t_us
    if down_ms == 0:
        chip.outside(pins.BUTTON, 0)
    else:
        chip.at(start_us + down_ms * 1000, lambda: chip.outside(pins.BUTTON, 0))
    chip.at(start_us + up_ms * 1000, lambda: chip.outside(pins.BUTTON, 1))
    assert main.repl_wanted() is wanted


@pytest.mark.parametrize("held", [True, False])
def test_as_a_script(chip: Chip, held: bool) -> None:
    # The very way in which the port runs it: after boot.py, as __main__.
    sys.modules["machine"].Pin(pins.SSR, 3, value=1)
    if held:
        chip.outside(pins.BUTTON, 0)
    runpy.run_path(str(ENTRY / "boot.py"), run_name="__main__")
    assert [chip.level(number) for number in DANGEROUS] == [0, 0, 0]
    if held:
        runpy.run_path(str(ENTRY / "main.py"), run_name="__main__")
        assert chip.dead is None
        assert chip.watchdog_ms == 0
    else:
        # This computer's root has no slot, so it is safe mode, until the power goes.
        chip.at(chip.t_us + 3_000_000, lambda: chip.reset(1))
        with pytest.raises(ChipReset):
            runpy.run_path(str(ENTRY / "main.py"), run_name="__main__")
        assert chip.t_us > 1_500_000
        assert list(chip.uart) == [1]
    assert [chip.level(number) for number in DANGEROUS] == [0, 0, 0]


def test_on_the_real_interpreter(run_micropython: Callable[..., str], tmp_path: Path) -> None:
    script = Path(__file__).parent / "entry_checks.py"
    pins_off, last, files, words = run_micropython(script, str(ENTRY), str(tmp_path)).split("\n", 3)
    assert pins_off == "[(26, 0, True), (25, 0, True), (27, 0, True)]"
    assert last == "('reset',)"
    assert files == "['last_words']"
    assert words.startswith("after ")
    assert "ImportError" in words
    assert "main.py" in words


def test_the_button_is_that_of_the_pin_map(main: Any) -> None:
    assert main._BUTTON == pins.BUTTON
