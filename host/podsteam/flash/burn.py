# SPDX-License-Identifier: Apache-2.0
"""esptool, as a process of its own: it is under the GPL, and nothing of it is ever imported.

Its output is read for two things: how far it is, and which of the known things went wrong. Everything else that it
prints goes to the log, which `-v` shows.
"""

import contextlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from podsteam.errors import (
    DeviceLost,
    Incomplete,
    IntegrityFailed,
    NoDevice,
    NotPodsteam,
    PodsteamError,
    PortBusy,
    PortForbidden,
    StoreFailed,
    UsageProblem,
)
from podsteam.flash.container import Chip
from podsteam.flash.plan import Segment
from podsteam.text import safe

Report = Callable[[int], None]
"""Told the bytes that are done of this call's."""
BAUD = 460800
"""Fast, and every usual USB bridge can do it."""

_AT = re.compile(r"(?:Writing|Reading) (?:at|from) 0x([0-9a-f]+) .*?([\d.]+)%")
_WRONG_CHIP = re.compile(r"This chip is (ESP[\w-]+), not (ESP[\w-]+)")
_KNOWN: tuple[tuple[str, type[PodsteamError], str], ...] = (
    (r"Verification failed|digest mismatch|MD5 of file does not match", IntegrityFailed, "what was read back differs"),
    (r"Corrupt data|Expected .* bytes|Only got|short read", Incomplete, "less came back than was asked for"),
    (r"does not fit|larger than|exceeds.*flash size|will not fit", UsageProblem, "its flash is too small"),
    (r"(?i)secure download|secure boot|flash encryption", UsageProblem, "it is locked against flashing"),
    (r"Permission denied", PortForbidden, "this user may not open the port"),
    (r"No such file or directory|Connection refused|Name or service not known", NoDevice, "it is not there"),
    (r"busy|Could not exclusively lock", PortBusy, "another process uses the port"),
    (r"[Cc]ould not open", NoDevice, "it does not open"),
    (r"Failed to connect|No serial data received|Invalid head|Wrong boot mode", NotPodsteam, "its loader is silent"),
)
_LOST = re.compile(
    r"serial exception|read failed|write failed|No more data|disconnected|reset by peer|Broken pipe|Input/output error"
    r"|[Tt]imed? ?out|Packet content transfer stopped|closed|Lost connection"
)
_HINTS: dict[type[PodsteamError], str] = {
    NotPodsteam: "Hold its BOOT button, press EN once, and run the command again.",
    NoDevice: "`podsteam devices` lists what there is.",
    PortBusy: "End that first.",
    IntegrityFailed: "Run the command again; when it stays so, the flash or the cable is bad.",
    Incomplete: "Run the command again.",
}


def available() -> None:
    """Raises UsageProblem when esptool is not installed."""
    if importlib.util.find_spec("esptool") is None:
        raise UsageProblem("esptool is not installed; run `pip install 'podsteam[flash]'`.")


def look(port: str) -> None:
    """See that there is such a port and that it may be used. Raises what opening it would."""
    if "://" in port:
        return
    from podsteam.transport.serialport import look as look_at

    if os.name == "posix":
        look_at(port)
        if not os.access(port, os.R_OK | os.W_OK):
            raise PortForbidden(f"You may not open {safe(port)}; `podsteam doctor` says how to mend that.")


class Esptool:
    """Calls for one port."""

    def __init__(self, port: str, chip: Chip, baud: int = BAUD, note: Callable[[str], None] | None = None) -> None:
        self.port = port
        self.chip = chip
        self.baud = baud
        self._note = note or _silent
        self.restart = True
        """Whether the chip is restarted after a call; False: it stays in its loader."""

    def write(self, segments: Sequence[Segment], report: Report, *, erase: bool = False) -> None:
        """Write, each segment checked by its hash as esptool always does. Raises a PodsteamError."""
        with _files(segments) as names:
            more = ["--erase-all"] if erase else []
            self._run(["write-flash", *more, *names], segments, report, "writing", self.restart)

    def verify(self, segments: Sequence[Segment], report: Report) -> None:
        """Compare the flash with the segments. Raises IntegrityFailed when it differs."""
        with _files(segments) as names:
            self._run(["verify-flash", *names], segments, report, "verifying", self.restart)

    def read(self, address: int, size: int, report: Report, *, restart: bool = False) -> bytes:
        """Bytes of the flash. Raises a PodsteamError; Incomplete when less came than was asked for."""
        with _folder() as folder:
            out = Path(folder) / "read.bin"
            place = Segment("flash", address, bytes(size))
            self._run(["read-flash", hex(address), hex(size), str(out)], [place], report, "reading", restart)
            data = out.read_bytes() if out.exists() else b""
        if len(data) != size:
            raise Incomplete(f"Only {len(data)} of {size} bytes came from {safe(self.port)}; run the command again.")
        return data

    def _run(
        self, arguments: list[str], segments: Sequence[Segment], report: Report, doing: str, restart: bool
    ) -> None:
        available()
        after = "hard-reset" if restart else "no-reset"
        command = [sys.executable, "-m", "esptool", "--chip", self.chip.name, "--port", self.port]
        command += ["--baud", str(self.baud), "--after", after, *arguments]
        env = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200", "PYTHONIOENCODING": "utf-8:replace"}
        said: list[str] = []
        connected = False
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env
        )
        assert process.stdout is not None
        try:
            for raw in process.stdout:
                for piece in raw.decode("utf-8", "replace").split("\r"):
                    line = piece.strip()
                    if match := _AT.search(line):
                        report(_done(segments, int(match[1], 16), float(match[2])))
                    elif line:
                        said.append(line)
                        self._note(f"esptool: {safe(line, 200)}")
                    connected = connected or line.startswith("Connected to")
            status = process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            process.stdout.close()
        if status:
            raise problem(self.port, said, connected, doing)
        report(sum(len(segment.data) for segment in segments))


def problem(port: str, said: list[str], connected: bool, doing: str) -> PodsteamError:
    """Why a call failed, as one sentence."""
    text = "\n".join(line for line in said if not line.startswith(("NOTE", "WARNING")))
    at = safe(port)
    if match := _WRONG_CHIP.search(text):
        return UsageProblem(
            f"The chip on {at} is an {match[1]}, not the {match[2]} that this is for; nothing was written."
        )
    if connected and _LOST.search(text):
        return DeviceLost(f"The chip on {at} was lost while {doing}; run the command again to finish the job.")
    for pattern, kind, words in _KNOWN:
        if re.search(pattern, text):
            hint = _HINTS.get(kind, "Nothing more was done.")
            return kind(f"Flashing {at} failed: {words}. {hint}")
    if _LOST.search(text):
        return DeviceLost(f"The port {at} was lost while connecting; run the command again to finish the job.")
    last = next((line for line in reversed(said) if line), "no output")
    return Incomplete(f"esptool failed on {at} while {doing} ({safe(last, 160)}); run the command again.")


def _silent(text: str) -> None:
    """A note that nobody reads."""


def _done(segments: Sequence[Segment], address: int, percent: float) -> int:
    """Bytes done when esptool is at this address."""
    before = 0
    for segment in segments:
        size = len(segment.data)
        if segment.address <= address <= segment.address + size and percent <= 100:
            return before + min(size, max(address - segment.address, 0))
        before += size
    return 0


def _folder() -> "tempfile.TemporaryDirectory[str]":
    try:
        return tempfile.TemporaryDirectory(prefix="podsteam-")
    except OSError as e:
        raise StoreFailed(f"No temporary files can be made ({e.strerror}); set TMPDIR to a folder with room.") from e


@contextlib.contextmanager
def _files(segments: Sequence[Segment]) -> Generator[list[str]]:
    """The segments as files for esptool: its arguments, address and path of each."""
    with _folder() as name:
        arguments: list[str] = []
        try:
            for i, segment in enumerate(segments):
                path = Path(name) / f"{i}.bin"
                path.write_bytes(segment.data)
                arguments += [hex(segment.address), str(path)]
        except OSError as e:
            size = sum(len(segment.data) for segment in segments)
            raise StoreFailed(
                f"{size} bytes of temporary files cannot be written ({e.strerror}); make room, or set TMPDIR."
            ) from e
        yield arguments
