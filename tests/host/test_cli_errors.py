# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on the command line: one sentence on stderr, its own documented status, never a traceback."""

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from calls import call, one_sentence
from fake import FakeDevice

from podsteam import errors, link, rto
from podsteam.text import safe
from podsteam.transport import find, serialport, sim
from podsteam.wire import messages as m

posix = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals and file permissions are POSIX")
DOCUMENTED = dict(errors.STATUSES)
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No device of this computer takes part, silence is noticed quickly, the home is empty."""
    from serial.tools import list_ports

    monkeypatch.setattr(list_ports, "comports", lambda: [])
    monkeypatch.setattr(sim, "running", lambda: [])
    monkeypatch.delenv(find.ENVIRONMENT, raising=False)
    monkeypatch.setattr(rto, "FIRST_S", 0.03)
    monkeypatch.setattr(link, "PATIENCE_S", 0.15)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


class Terminal:
    """A pseudo-terminal with something behind it that is no podsteam."""

    def __init__(self, answer: bytes = b"") -> None:
        import tty

        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            while os.read(self._master, 4096):
                if self._answer:
                    os.write(self._master, self._answer)
                    self._answer = b""
        except OSError:
            return

    def close(self) -> None:
        os.close(self._slave)
        self._thread.join(5)
        os.close(self._master)


@pytest.fixture
def terminal() -> Iterator[Callable[[bytes], Terminal]]:
    made: list[Terminal] = []

    def make(answer: bytes = b"") -> Terminal:
        made.append(Terminal(answer))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_statuses_are_documented_and_distinct(capsys: Capture) -> None:
    kinds = [
        errors.UsageProblem,
        errors.NoDevice,
        errors.AmbiguousDevice,
        errors.PortForbidden,
        errors.PortBusy,
        errors.NotPodsteam,
        errors.WrongVersion,
        errors.DeviceLost,
        errors.Refused,
        errors.SafetyLatched,
        errors.ButtonNotPressed,
        errors.EndedEarly,
        errors.ProductionFailed,
        errors.PodletRecalled,
        errors.IntegrityFailed,
        errors.Incomplete,
        errors.StoreFailed,
        errors.Interrupted,
    ]
    assert sorted([0, 1, *(kind.status for kind in kinds)]) == [status for status, _ in errors.STATUSES]
    shown = call(capsys, "--help")
    assert shown.status == 0
    for status, meaning in errors.STATUSES:
        assert f"{status}  {meaning}" in shown.out


def test_no_port(capsys: Capture) -> None:
    got = call(capsys, "info")
    assert got.status == 10
    assert one_sentence(got).startswith("No device found;")


def test_a_path_that_is_not_there(capsys: Capture) -> None:
    got = call(capsys, "--port", "/dev/ttyNothing0", "status")
    assert got.status == 10
    assert one_sentence(got) == "There is no port /dev/ttyNothing0; `podsteam devices` lists what there is."


def test_nobody_listens(capsys: Capture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = f"socket://127.0.0.1:{taken.getsockname()[1]}"
        got = call(capsys, "info", "--port", port)
    assert got.status == 10
    assert one_sentence(got).startswith(f"Nothing listens at {port}")


@posix
def test_busy_port_names_its_holder(
    capsys: Capture, terminal: Callable[[bytes], Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = terminal(b"").path
    script = (
        "import fcntl, sys, time\nf = open(sys.argv[1], 'r+b', buffering=0)\n"
        "fcntl.flock(f, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None and holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        got = call(capsys, "--port", port, "info")
    finally:
        holder.stdin.close()
        holder.wait(5)
        holder.stdout.close()
    assert got.status == 13
    sentence = one_sentence(got)
    assert sentence.startswith(f"{port} is used by ")
    if sys.platform == "linux":
        assert f"(pid {holder.pid})" in sentence


@posix
def test_forbidden_port_says_how_to_be_allowed(capsys: Capture, terminal: Callable[[bytes], Terminal]) -> None:
    port = terminal(b"").path
    os.chmod(port, 0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        got = call(capsys, "--port", port, "info")
    finally:
        if user == 0:
            os.seteuid(0)
    assert got.status == 12
    sentence = one_sentence(got)
    assert sentence.startswith(f"You may not open {port}; run `sudo usermod -a -G ")
    assert sentence.endswith("and log in again.")


@posix
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "it is silent"),
        (b"login: \r\n\0", "it sent 'login: \\x0d\\x0a'"),
        (b"\0>>> \0", "it shows a MicroPython prompt"),
        (b"\x1b]0;evil\x07\xc2\x9b31m\0", "it sent '\\x1b]0;evil\\x07\\x9b31m'"),
    ],
)
def test_something_else_on_the_port(
    capsys: Capture, terminal: Callable[[bytes], Terminal], answer: bytes, said: str
) -> None:
    port = terminal(answer).path
    got = call(capsys, "--port", port, "info")
    assert got.status == 14
    assert one_sentence(got) == f"{port} does not answer as a podsteam: {said}."


def test_a_server_that_hangs_up(capsys: Capture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            client.recv(100)
            client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        got = call(capsys, "--port", f"socket://127.0.0.1:{server.getsockname()[1]}", "info")
        thread.join(5)
    assert got.status == 14
    assert "hung up" in one_sentence(got)


@posix
def test_a_file_is_no_port(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    got = call(capsys, "--port", str(path), "info")
    assert got.status == 2
    assert one_sentence(got).endswith("is not a serial port.")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    """A scripted device on the port `fake0`, with one program."""
    device = FakeDevice()
    device.answers[m.ProgramListRequest.ID] = m.ProgramListReply(1, 0, 1, b"gentle".ljust(16, b"\0"))

    def open_port(name: str, **_: Any) -> Any:
        assert name == "fake0"
        return device.port

    monkeypatch.setattr(find, "open_port", open_port)
    return device


def test_unknown_program(capsys: Capture, fake: FakeDevice) -> None:
    got = call(capsys, "session", "run", "gentel", "--port", "fake0")
    assert got.status == 2
    sentence = one_sentence(got)
    assert sentence.startswith("There is no program 'gentel'.")
    assert "gentle" in sentence and "express" in sentence
    assert m.ArmRequest.ID not in fake.executed


def test_unknown_program_without_a_device(capsys: Capture) -> None:
    got = call(capsys, "program", "dry-run", "gentel")
    assert got.status == 2
    assert "There is no program 'gentel'" in one_sentence(got)


def test_malformed_program_file(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[program]\nname = "mine"\n[[steam]]\nrate_g_per_min = 40\nminutes = 3\n')
    # No port is needed to find the mistake.
    for arguments in (("session", "run", "mine.toml"), ("program", "validate", "mine.toml")):
        got = call(capsys, *arguments)
        assert got.status == 2
        assert one_sentence(got) == "mine.toml: [[steam]] phase 1 rate_g_per_min is 40, but must be 0.5 to 12 g/min."


def test_the_five_are_different() -> None:
    kinds = {errors.NoDevice, errors.PortBusy, errors.PortForbidden, errors.NotPodsteam, errors.UsageProblem}
    assert len({kind.status for kind in kinds}) == 5


def test_refusals(capsys: Capture, fake: FakeDevice) -> None:
    fake.answers[m.ProgramGetRequest.ID] = m.ProgramGetReply(bytes(45))
    fake.answers[m.InfoGetRequest.ID] = m.InfoGetReply()
    fake.answers[m.PauseRequest.ID] = m.PauseReply(4)
    for code, status, words in (
        (402, 21, "a fault is latched"),
        (401, 20, "a session is running"),
        (404, 20, "the button is held down"),
    ):
        fake.refuse = {m.PauseRequest.ID: code}
        fake.port.closed = False
        fake.executed.clear()
        got = call(capsys, "--port", "fake0", "session", "pause")
        assert got.status == status
        assert words in one_sentence(got)
        assert fake.port.closed


def test_another_major_version(capsys: Capture, fake: FakeDevice) -> None:
    fake.answers[m.HelloRequest.ID] = m.HelloReply(major=9, minor=2)
    got = call(capsys, "--port", "fake0", "info")
    assert got.status == 15
    assert "speaks protocol 9.2" in one_sentence(got)


def test_a_device_that_goes_silent(capsys: Capture, fake: FakeDevice) -> None:
    fake.answers[m.InfoGetRequest.ID] = lambda _: None
    got = call(capsys, "--port", "fake0", "info")
    assert got.status == 16
    assert "does not answer any more" in one_sentence(got)


def test_a_store_that_is_none(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("this is no database, it is a text of more than a hundred bytes" * 4)
    got = call(capsys, "records", "list", "--store", str(tmp_path / "store.db"))
    assert got.status == 40
    assert "store.db" in one_sentence(got)


def test_unknown_record(capsys: Capture, tmp_path: Path) -> None:
    got = call(capsys, "records", "show", "abc", "--store", str(tmp_path / "none.db"))
    assert got.status == 40
    assert "there is no record store here" in one_sentence(got)


def test_usage(capsys: Capture) -> None:
    got = call(capsys, "sesion")
    assert got.status == 2 and got.out == ""
    assert "There is no command 'sesion'. Did you mean 'session'?" in got.err
    got = call(capsys, "explain", "--nonsense")
    assert got.status == 2 and got.out == "" and "Traceback" not in got.err
    got = call(capsys, "--json", "--jsonl", "explain", "1")
    assert got.status == 2
    assert one_sentence(got) == "Choose either --json or --jsonl."


def test_interrupted(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(find, "candidates", interrupt)
    got = call(capsys, "devices")
    assert got.status == 130
    assert (got.out, got.err.strip()) == ("", "podsteam: Interrupted.")


def test_an_internal_error_has_no_traceback_unless_asked_for(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("\x1b[31mboom")

    monkeypatch.setattr(find, "candidates", fail)
    got = call(capsys, "devices")
    assert got.status == 1
    assert one_sentence(got).startswith("Internal error, RuntimeError: \\x1b[31mboom")
    got = call(capsys, "devices", "-v")
    assert got.status == 1 and "Traceback" in got.err


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, errors.NoDevice),
        (errno.EACCES, errors.PortForbidden),
        (errno.EBUSY, errors.PortBusy),
        (errno.EAGAIN, errors.PortBusy),
        (errno.EIO, errors.NoDevice),
    ],
)
def test_open_errors_of_a_real_port(number: int, kind: type[errors.PodsteamError]) -> None:
    made = serialport._failed("/dev/ttyUSB9", number, os.strerror(number))  # pyright: ignore[reportPrivateUsage]
    assert type(made) is kind


def test_windows_says_busy_with_access_denied() -> None:
    text = "could not open port 'COM3': PermissionError(13, 'Access is denied.', None, 5)"
    made = serialport._failed("COM3", 0, text)  # pyright: ignore[reportPrivateUsage]
    assert isinstance(made, errors.PortBusy)


def test_safe_text() -> None:
    assert safe("plain, grün, 日本") == "plain, grün, 日本"
    assert safe("\x1b[2J\x9b\x7f\r\n\t\0") == "\\x1b[2J\\x9b\\x7f\\x0d\\x0a\\x09\\x00"
    assert safe("a\u202eb\u2066c\u200bd\ufeff") == "a\\u202eb\\u2066c\\u200bd\\ufeff"
    assert safe(b"\xff\x1b") == "\\xff\\x1b"
    assert safe("x" * 500, 10) == "x" * 10 + "..."
    assert safe("\U000e0001\ud800") == "\\U000e0001\\ud800"
