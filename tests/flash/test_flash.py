# SPDX-License-Identifier: Apache-2.0
"""The real esptool flashes a chip's loader: what arrives is what was announced, every trouble ends in a sentence."""

import errno
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from chips import MockChip, real_image, small_image

from podsteam import errors
from podsteam.cli.main import main
from podsteam.flash import boards, burn, compiled, container, image, job

FILES_AT, FILES_SIZE = 0x20000, 0x20000
TINY = {
    "podsteam_loader/__init__.mpy": b"loader",
    "podsteam_protocol/frame.mpy": b"frame" * 400,
    "podsteam_firmware/core.mpy": b"core" * 900,
}
ENTRY = {"boot.py": b"boot", "main.py": b"main"}
CHIPS = {"esp32": (0, 0x1000), "esp32s3": (9, 0), "esp32c3": (5, 0)}


def quiet(doing: str, share: float) -> None:
    """Nobody watches."""


def make(tmp_path: Path, chip: str, **more) -> job.Job:
    path = tmp_path / f"{chip}.bin"
    if not path.exists():
        path.write_bytes(small_image(*CHIPS[chip]))
    board = replace(boards.find("reference"), chip=chip)
    return job.Job(board, container.load(path), TINY, ENTRY, start=False, **more)


def holds(chip: MockChip, todo) -> bool:
    return all(chip.read(s.address, len(s.data)) == s.data for s in todo.segments)


@pytest.mark.parametrize(
    ("name", "pty"), [("esp32", False), ("esp32", True), ("esp32s3", True), ("esp32c3", True), ("esp32c3", False)]
)
def test_the_chip_receives_byte_for_byte_what_was_announced(tmp_path: Path, name: str, pty: bool) -> None:
    work = make(tmp_path, name)
    todo = work.offline()
    with MockChip(name, pty) as chip:
        done = work.run(chip.port, quiet)
        assert holds(chip, todo)
        assert done["segments"] == todo.as_data()["segments"]
        # Nothing else was written.
        rest = bytearray(chip.flash.data)
        for segment in todo.segments:
            rest[segment.address : segment.address + len(segment.data)] = b"\xff" * len(segment.data)
        assert not rest.strip(b"\xff")


@pytest.mark.slow
def test_a_whole_unit_with_a_real_image_from_the_command_line(
    tmp_path: Path, run_micropython: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = real_image()
    options = ["flash", "--image", str(path), "--any-version", "--no-start", "--json"]
    with pytest.raises(SystemExit) as dry:
        main([*options, "--dry-run"])
    announced = json.loads(capsys.readouterr().out)["units"][0]
    assert dry.value.code == 0
    with MockChip("esp32", pty=True) as chip:
        with pytest.raises(SystemExit) as end:
            main([*options, "--to", chip.port])
        written = json.loads(capsys.readouterr().out)["units"][0]
        assert end.value.code == 0
        assert written["segments"] == announced["segments"]
        assert chip.read(0x1000, path.stat().st_size) == path.read_bytes()
        content = chip.read(0x200000, 0x200000)
    # Nothing but the files' partition is needed to start: it mounts and holds the application, here and on MicroPython.
    files = image.read(content)
    application, entry = compiled.application()
    assert files == image.lay_out(application, entry, announced["application"], data=image.defaults())
    unit = tmp_path / "image"
    unit.write_bytes(content)
    (tmp_path / "rtc").write_bytes(b"")
    checks = Path(__file__).parents[1] / "loader" / "boot_checks.py"
    printed = run_micropython(checks, str(unit), str(len(content)), "1", str(tmp_path / "rtc"), heap="16m")
    assert re.search(r"^sources: .*podsteam_firmware.loop /unit/a/", printed, re.M), printed
    assert re.search(r"^frame: 0x81 \d+$", printed, re.M), printed


def test_verify_compares_the_whole_and_finds_what_differs(tmp_path: Path) -> None:
    work = make(tmp_path, "esp32", verify=True)
    with MockChip("esp32") as chip:
        work.run(chip.port, quiet)
        tool = burn.Esptool(chip.port, container.chip_named("esp32"))
        tool.restart = False
        chip.flash.data[FILES_AT + 5] ^= 1
        with pytest.raises(errors.IntegrityFailed, match="read back differs"):
            tool.verify(work.offline().segments, lambda _: None)


def test_erase_leaves_nothing_of_before(tmp_path: Path) -> None:
    with MockChip("esp32") as chip:
        chip.flash.data[0x300000:0x300100] = b"old" * 85 + b"!"
        make(tmp_path, "esp32", erase=True).run(chip.port, quiet)
        assert chip.read(0x300000, 0x100) == b"\xff" * 0x100


def test_app_only_leaves_the_interpreter_and_takes_the_partitions_from_the_chip(tmp_path: Path) -> None:
    whole = make(tmp_path, "esp32")
    with MockChip("esp32") as chip:
        whole.run(chip.port, quiet)
        before = chip.read(0, FILES_AT)
        newer = {**TINY, "podsteam_firmware/core.mpy": b"newer"}
        replace(whole, container=None, compiled=newer, interpreter=False).run(chip.port, quiet)
        assert chip.read(0, FILES_AT) == before
        assert image.read(chip.read(FILES_AT, FILES_SIZE))["a/podsteam_firmware/core.mpy"] == b"newer"


def test_recover_keeps_what_the_unit_has_stored(tmp_path: Path) -> None:
    whole = make(tmp_path, "esp32")
    stored = {"data/ledger": b"doses" * 100, "data/records/7": b"record", "b/manifest": b"junk", "a/stray.py": b"junk"}
    files = {**image.lay_out(TINY, ENTRY, "0.0.1"), **stored}
    # pyserial reads a socket byte by byte, which takes long.
    with MockChip("esp32", pty=True) as chip:
        whole.run(chip.port, quiet)
        chip.flash.data[FILES_AT : FILES_AT + FILES_SIZE] = image.build(files, FILES_SIZE)
        replace(whole, container=None, interpreter=False, keep_data=True).run(chip.port, quiet)
        found = image.read(chip.read(FILES_AT, FILES_SIZE))
        assert found["data/ledger"] == stored["data/ledger"]
        assert found["data/records/7"] == stored["data/records/7"]
        assert "a/stray.py" not in found
        assert "b/manifest" not in found
        chip.flash.data[FILES_AT : FILES_AT + 0x2000] = bytes(0x2000)
        with pytest.raises(errors.UsageProblem, match="--fresh-data"):
            replace(whole, container=None, interpreter=False, keep_data=True).run(chip.port, quiet)


def test_recover_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A small application: the whole one is flashed above, and takes minutes.
    monkeypatch.setattr(compiled, "application", lambda _: (TINY, ENTRY))
    (tmp_path / "image.bin").write_bytes(small_image(*CHIPS["esp32"]))
    options = ["--image", str(tmp_path / "image.bin"), "--no-start", "--json"]
    with MockChip("esp32", pty=True) as chip:
        make(tmp_path, "esp32").run(chip.port, quiet)
        chip.flash.data[FILES_AT : FILES_AT + 0x2000] = bytes(0x2000)
        with pytest.raises(SystemExit) as refused:
            main(["flash", "recover", *options, "--to", chip.port])
        assert refused.value.code == 2 and "--fresh-data" in capsys.readouterr().err
        with pytest.raises(SystemExit) as end:
            main(["flash", "recover", *options, "--to", chip.port, "--fresh-data"])
        out, err = capsys.readouterr()
        assert end.value.code == 0, err
        assert not json.loads(out)["dry_run"]
        assert (
            image.read(chip.read(FILES_AT, FILES_SIZE))["a/podsteam_firmware/core.mpy"]
            == TINY["podsteam_firmware/core.mpy"]
        )
    with pytest.raises(SystemExit) as dry:
        main(["flash", "recover", *options, "--fresh-data", "--dry-run"])
    assert dry.value.code == 0 and json.loads(capsys.readouterr().out)["dry_run"]


def test_several_ports_at_once_each_end_for_themselves(tmp_path: Path) -> None:
    work = make(tmp_path, "esp32")
    with MockChip("esp32") as good, MockChip("esp32s3") as wrong:
        shown: dict[str, list[str]] = {}
        outcomes = job.run_all(
            work, [good.port, wrong.port], lambda port, doing, share: shown.setdefault(port, []).append(doing)
        )
        assert holds(good, work.offline())
        assert isinstance(outcomes[good.port], dict)
        assert isinstance(outcomes[wrong.port], errors.UsageProblem)
        assert shown[good.port][-1] == "done"
        assert shown[wrong.port][-1] == "failed"


# Troubles ------------------------------------------------------------------------------------------------------------


def test_a_wrong_chip_is_told_and_nothing_written(tmp_path: Path) -> None:
    with MockChip("esp32c3") as chip:
        with pytest.raises(errors.UsageProblem, match=r"is an ESP32-C3, not the ESP32 .* nothing was written"):
            make(tmp_path, "esp32").run(chip.port, quiet)
        assert not bytes(chip.flash.data).strip(b"\xff")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_a_port_lost_at_any_stage_is_told_and_a_second_run_finishes(tmp_path: Path, share: float) -> None:
    work = make(tmp_path, "esp32")
    todo = work.offline()
    with MockChip("esp32") as whole:
        work.run(whole.port, quiet)
    with MockChip("esp32") as chip:
        chip.cut_at = int(whole.received * share)
        with pytest.raises(errors.DeviceLost, match="run the command again to finish"):
            work.run(chip.port, quiet)
        assert not holds(chip, todo)
        chip.cut_at = -1
        work.run(chip.port, quiet)
        assert holds(chip, todo)


def test_a_short_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = replace(make(tmp_path, "esp32"), container=None, interpreter=False)
    with MockChip("esp32") as chip:
        monkeypatch.setattr(chip.flash, "read", lambda offset, length: b"\xaa" * (length // 2))
        with pytest.raises((errors.Incomplete, errors.DeviceLost), match=r"[Rr]un the command again"):
            work.run(chip.port, quiet)


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = make(tmp_path, "esp32")
    written = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if len(data) > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(path, data)

    with MockChip("esp32") as chip:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", full)
            with pytest.raises(errors.StoreFailed, match="No space left on device"):
                work.run(chip.port, quiet)
        work.run(chip.port, quiet)
        assert holds(chip, work.offline())


def test_a_port_that_is_not_there_is_told(tmp_path: Path) -> None:
    work = make(tmp_path, "esp32")
    with pytest.raises(errors.NoDevice, match="no port /dev/nothing"):
        work.run("/dev/nothing", quiet)
    with pytest.raises(errors.NoDevice, match="it is not there"):
        work.run("socket://127.0.0.1:9", quiet)
    with pytest.raises(errors.UsageProblem, match="not a serial port"):
        work.run(str(tmp_path), quiet)


@pytest.mark.parametrize(
    ("said", "kind", "sentence"),
    [
        ("A fatal error occurred: Failed to connect to ESP32: No serial data received.", errors.NotPodsteam, "BOOT"),
        (
            "Could not open /dev/x, the port is busy or doesn't exist. [Errno 13] Permission denied",
            errors.PortForbidden,
            "may",
        ),
        (
            "Could not exclusively lock port /dev/x: Resource temporarily unavailable",
            errors.PortBusy,
            "another process",
        ),
        ("A fatal error occurred: MD5 of file does not match data in flash!", errors.IntegrityFailed, "differs"),
        ("File b.bin (length 9) at offset 1 will not fit in 9 bytes of flash.", errors.UsageProblem, "too small"),
        ("something new", errors.Incomplete, "something new"),
    ],
)
def test_each_trouble_of_esptool_has_its_status(said: str, kind: type[errors.PodsteamError], sentence: str) -> None:
    found = burn.problem("/dev/x", said.splitlines(), connected=True, doing="writing")
    assert type(found) is kind
    assert sentence in str(found)
    assert "\n" not in str(found)
