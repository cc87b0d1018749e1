# SPDX-License-Identifier: Apache-2.0
"""What flashing and updating cost on the line: bytes against what must change, seconds against copying the files."""

import json
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from chips import MockChip, real_image
from cryptography.hazmat.primitives.asymmetric import ec
from paced import BITS, PacedLine

from podsteam import update
from podsteam.client import Device
from podsteam.flash import boards, compiled, container, release
from podsteam.flash.job import Job

Record = Callable[[str, float, str, str, bool, str], None]
BAUD = 115200
ERASE_MS = 45
BLOCKS = 512
"""Of 4096 bytes: the partition for files on a board with 4 MiB."""


SIZES = """
import os
def sizes(folder):
    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        if entry[1] == 0x8000:
            print(path, entry[3])
        else:
            sizes(path)
sizes("b")
"""
"""Prints path and size of each file below `b`, on the device."""


def quiet(doing: str, share: float) -> None:
    """Nobody watches."""


def test_flash_ratio(record_figure: Record) -> None:
    """The real esptool, a real image of MicroPython and the real application, to a simulated loader of the chip."""
    application, entry = compiled.application()
    job = Job(boards.find("reference"), container.load(real_image()), application, entry, start=False)
    ratios: dict[str, float] = {}
    with MockChip("esp32", pty=True) as chip:
        for what, todo in (("whole", job), ("application", Job(**{**vars(job), "interpreter": False}))):
            before = chip.received
            todo.run(chip.port, quiet)
            least = sum(len(zlib.compress(segment.data, 9)) for segment in todo.offline().segments)
            ratios[what] = (chip.received - before) / least
    worst = max(ratios.values())
    context = (
        f"bytes from the real esptool to the chip's loader, its stub and everything else included, over zlib -9 of "
        f"what is written; whole unit with a real image {ratios['whole']:.3f}, file system with the application alone "
        f"{ratios['application']:.3f}; simulated loader"
    )
    record_figure("flash/ratio", round(worst, 3), "of the compressed size", "<= 1.1", worst <= 1.1, context)


def updated_s(files: dict[str, bytes]) -> float:
    """Virtual time of an update with these files, from the first byte until the slot is ready."""
    key = ec.generate_private_key(ec.SECP256R1())
    package = release.sign(release.build(files, "0.2.0", "twin"), key)
    raw = release.raw_key(key.public_key()).hex()
    options = {"interpreter": "cpython", "seed": 4, "baud": BAUD, "flash_blocks": BLOCKS, "erase_us": ERASE_MS * 1000}
    with Device.open("sim", slots=["files", "files"], update_key=raw, **options) as device:
        start = device.port.clock.now()
        update.send(device, package, lambda done, whole: None)
        return device.port.clock.now() - start


def copied_s(files: dict[str, bytes], folder: Path, micropython: str) -> tuple[float, float]:
    """Seconds in which mpremote copies the files over a paced line onto the real MicroPython; seconds that the bytes to
    the device alone take on such a line."""
    for name, data in files.items():
        path = folder / "b" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    repl = Path(__file__).with_name("raw_repl.py")
    mpremote = [sys.executable, "-m", "mpremote"]
    with PacedLine([micropython, "-X", "heapsize=16m", str(repl), str(ERASE_MS)], BAUD) as line:
        start = time.monotonic()
        copy = [*mpremote, "connect", line.path, "resume", "fs", "cp", "-r", str(folder / "b"), ":"]
        subprocess.run(copy, check=True, capture_output=True, timeout=300)
        seconds = time.monotonic() - start
        least_s = line.sent * BITS / BAUD
        # Everything has arrived.
        ask = [*mpremote, "connect", line.path, "resume", "exec", SIZES]
        said = subprocess.run(ask, check=True, capture_output=True, text=True, timeout=60).stdout
    found = {words[0]: int(words[1]) for words in map(str.split, said.splitlines()) if len(words) == 2}
    assert found == {f"b/{name}": len(data) for name, data in files.items()}, json.dumps(found)
    return seconds, least_s


def test_update_time(record_figure: Record, tmp_path: Path, micropython: str) -> None:
    files, _ = compiled.application()
    # A unit's slot holds no loader.
    files = {name: data for name, data in files.items() if not name.startswith("podsteam_loader/")}
    ours_s = updated_s(files)
    theirs_s, least_s = copied_s(files, tmp_path, micropython)
    ratio = ours_s / theirs_s
    context = (
        f"{len(files)} files, {sum(map(len, files.values()))} bytes at {BAUD}, {ERASE_MS} ms an erase in both: update "
        f"with signature, manifest and checks {ours_s:.1f} s (simulated board, virtual time, no computing time), "
        f"mpremote {theirs_s:.1f} s (the real MicroPython on a PC behind a paced pseudo-terminal, wall clock; its "
        f"bytes alone take {least_s:.1f} s)"
    )
    record_figure("flash/update_time", round(ratio, 2), "x mpremote fs cp", "<= 0.35", ratio <= 0.35, context)
