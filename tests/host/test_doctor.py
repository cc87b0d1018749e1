# SPDX-License-Identifier: Apache-2.0
"""Every trouble that `podsteam doctor` knows is found and has its remedy; a whole unit has none of them."""

import json
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from calls import call

from podsteam import doctor, link, rto
from podsteam.doctor import bundle, computer, device, gather, meet
from podsteam.doctor.view import NOT_CHECKED, OK, TROUBLE, Chip, Finding, Met, PortSeen, Usb, View
from podsteam.transport import find
from podsteam.transport.find import Candidate

ADAPTER = Candidate("/dev/ttyUSB0", "usb", "CP2102N", "4af0c0ffee12", "1-4.2", "10c4:ea60")
HELLO = {"unit": "a1b2c3d4e5f6", "protocol": "1.2", "firmware": "0.1.0", "simulated": False}
INFO = {"interpreter": {"name": "micropython", "version": "1.28.0", "word_bits": 32}, "board": "reference"}
MET = Met(hello=HELLO, info=INFO, minor=(2, 2), fast_ppm=40.0, restarts=False, failed=())
WELL = View(
    candidates=(ADAPTER,),
    usb=(Usb("10c4:ea60", "CP2102N"),),
    port=PortSeen("/dev/ttyUSB0"),
    groups=frozenset({"dialout"}),
    account_groups=frozenset({"dialout"}),
    running=frozenset({"bash"}),
    store="/home/jan/records.db",
    terminal=(120, 40),
    met=MET,
    chip=Chip("ESP32", files_bytes=2 << 20),
)
NO_PORT = replace(WELL, candidates=(), port=None, met=None, port_problem="No device found.", port_status=10)


def port(**more: object) -> View:
    return replace(WELL, port=replace(PortSeen("/dev/ttyUSB0"), **more))


def met(**more: object) -> View:
    return replace(WELL, met=replace(MET, **more))


def foreign(text: bytes, status: int = 14) -> View:
    return replace(WELL, met=Met(text=text, problem="/dev/ttyUSB0 does not answer as a podsteam.", status=status))


def chip(**more: object) -> View:
    return replace(WELL, chip=replace(Chip("ESP32"), **more))


def test_a_whole_unit_has_no_trouble_and_nothing_is_left_unchecked() -> None:
    findings = doctor.examine(WELL)
    assert [(each.name, each.result) for each in findings if each.result != OK] == []
    assert len({each.name for each in findings}) == len(findings) == 17


@pytest.mark.parametrize(
    ("check", "view", "status", "said", "remedy"),
    [
        (computer.port, NO_PORT, 10, "No device found", "Plug the board in"),
        (computer.port, port(exists=False), 10, "no port /dev/ttyUSB0", "--port"),
        (
            computer.port,
            replace(WELL, port=None, port_problem="2 devices are connected.", port_status=11),
            11,
            "2 devices",
            "--port",
        ),
        (computer.cable, NO_PORT, 10, "no serial port", "driver"),
        (computer.cable, replace(NO_PORT, usb=()), 10, "plugged in: none", "only charges"),
        (computer.cable, replace(NO_PORT, usb=(Usb("046d:c52b", "Mouse\x1b"),)), 10, r"046d:c52b Mouse\x1b", "cable"),
        (computer.cable, replace(NO_PORT, usb=None), 10, "does not tell", "only charge"),
        (
            computer.cable,
            replace(NO_PORT, usb=(Usb("1a86:7523"),), running=frozenset({"brltty"})),
            10,
            "Braille",
            "systemctl mask brltty-udev",
        ),
        (
            computer.permission,
            replace(port(allowed=False), account_groups=frozenset[str](), groups=frozenset[str]()),
            12,
            "group 'dialout'",
            'usermod -a -G dialout $USER` and log in again; or put the line SUBSYSTEM=="tty", ATTRS{idVendor}=="10c4"',
        ),
        (computer.permission, replace(port(allowed=False), groups=frozenset[str]()), 12, "may not open", "log out"),
        (computer.permission, replace(port(allowed=False), platform="darwin"), 12, "may not open", "access"),
        (computer.busy, port(holder="minicom (pid 77)"), 13, "used by minicom (pid 77)", "End that"),
        (computer.busy, foreign(b"", 13), 13, "does not answer", "Thonny"),
        (
            computer.modem_manager,
            replace(WELL, running=frozenset({"ModemManager"})),
            0,
            "ModemManager runs",
            'ENV{ID_MM_DEVICE_IGNORE}="1"',
        ),
        (computer.clock, replace(WELL, year=1970), 0, "1970", "timedatectl"),
        (computer.store, replace(WELL, store_network="nfs4"), 40, "network folder (nfs4)", "--store"),
        (computer.store, replace(WELL, store_problem="it cannot be written."), 40, "cannot be written", "--store"),
        (computer.extras, replace(WELL, missing={"plot": ("matplotlib",)}), 0, "matplotlib", "'podsteam[plot]'"),
        (computer.terminal, replace(WELL, terminal=(60, 20)), 0, "60 columns and 20 lines", "larger"),
        (device.answer, foreign(b""), 14, "Nothing answers", "EN"),
        (device.answer, foreign(b"$GPGGA,\x1b[2J"), 14, r"'$GPGGA,\x1b[2J'", "--port"),
        (device.answer, foreign(b"\r\n>>> "), 14, "MicroPython's prompt", "flash"),
        (device.answer, foreign(b"rst:0x1 waiting for download\r\n"), 14, "its own loader", "EN"),
        (device.answer, foreign(b"rst:0x10 invalid header: 0xffffffff"), 14, "empty", "podsteam flash"),
        (device.answer, foreign(b"rst:0x10 (RTCWDT_RTC_RESET)"), 14, "starts", "flash recover"),
        (device.answer, foreign(b"Brownout detector was triggered"), 14, "supply", "cable"),
        (device.answer, foreign(b"Traceback (most recent call last):"), 14, "failed", "recover"),
        (device.protocol, met(minor=(1, 2)), 15, "older by 1", "podsteam update"),
        (device.protocol, met(minor=(3, 2)), 0, "newer by 1", "pip install --upgrade"),
        (device.protocol, foreign(b"", 15), 15, "does not answer", "older of the two"),
        (
            device.micropython,
            met(info={"interpreter": {"name": "micropython", "version": "1.20.0"}}),
            15,
            "1.20 is too old",
            "1.23",
        ),
        (device.micropython, foreign(b"MicroPython v1.19.1 on 2022-06-18; ESP32\r\n>>> "), 15, "1.19", "flash"),
        (device.lines, met(restarts=True), 0, "restarts", "DTR"),
        (device.clock, met(fast_ppm=-31_000.0), 14, "-3.1 %", "crystal"),
        (device.self_test, met(failed=("relay",)), 21, "relay failed", "podsteam selftest"),
        (device.chip, chip(wrong=True, problem="The chip is an ESP32-C3, not the ESP32."), 2, "C3", "--board"),
        (device.chip, chip(problem="Its loader is silent.", status=14), 14, "silent", "BOOT"),
        (
            device.partitions,
            chip(table_problem="the chip has no single partition for files"),
            2,
            "no single",
            "--image",
        ),
    ],
)
def test_each_trouble_is_found_with_its_remedy(
    check: Callable[[View], Finding], view: View, status: int, said: str, remedy: str
) -> None:
    found = check(view)
    assert (found.result, found.status) == (TROUBLE, status)
    assert said in found.said
    assert remedy in found.remedy
    assert "\n" not in found.said + found.remedy and "\x1b" not in found.said


def test_what_cannot_be_told_is_said_not_to_be_checked() -> None:
    nothing = replace(NO_PORT, running=None, terminal=None, chip=None, platform="darwin")
    left = {each.name for each in doctor.examine(nothing) if each.result == NOT_CHECKED}
    assert left == {
        *("permission", "other programs", "ModemManager", "terminal", "answer", "protocol", "MicroPython"),
        *("opening the port", "device's clock", "self-test", "chip", "partition table"),
    }
    kept_off = replace(port(mm_ignores=True), running=frozenset({"ModemManager"}))
    assert computer.modem_manager(kept_off).result == OK


def test_usb_devices_and_processes_are_read_as_linux_shows_them(tmp_path: Path) -> None:
    for name, files in {
        "usb1": {"idVendor": "1d6b", "idProduct": "0002", "bDeviceClass": "09"},
        "1-4": {"idVendor": "1a86", "idProduct": "7523", "bDeviceClass": "ff", "product": "USB Serial"},
        "1-4:1.0": {},
    }.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text + "\n")
    assert gather.usb_devices(tmp_path) == (Usb("1a86:7523", "USB Serial"),)
    assert gather.usb_devices(tmp_path / "none") is None
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "comm").write_text("ModemManager\n")
    assert gather.running(tmp_path) == {"ModemManager"}
    assert gather.running(tmp_path / "none") is None


# The command --------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No device of this computer takes part, and silence is noticed quickly."""
    from serial.tools import list_ports

    monkeypatch.setattr(list_ports, "comports", lambda: [])
    monkeypatch.setattr("podsteam.transport.sim.running", lambda: [])
    monkeypatch.delenv(find.ENVIRONMENT, raising=False)
    monkeypatch.setattr(rto, "FIRST_S", 0.03)
    monkeypatch.setattr(link, "PATIENCE_S", 0.15)
    monkeypatch.setattr(meet, "_LISTEN_S", 0.2)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


@pytest.fixture
def terminal() -> Iterator[Callable[[bytes], str]]:
    """A pseudo-terminal with something behind it that answers every write so; its path."""
    import tty

    pairs: list[tuple[int, int]] = []

    def make(answer: bytes) -> str:
        master, slave = os.openpty()
        tty.setraw(slave)
        pairs.append((master, slave))

        def serve() -> None:
            try:
                while os.read(master, 4096):
                    os.write(master, answer)
            except OSError:
                return

        threading.Thread(target=serve, daemon=True).start()
        return os.ttyname(slave)

    yield make
    for _, slave in pairs:
        os.close(slave)


def checks(out: str) -> dict[str, dict[str, str]]:
    return {each["name"]: each for each in json.loads(out)["checks"]}


@pytest.mark.parametrize("kind", ["cpython", "micropython"])
def test_on_the_simulated_board_everything_that_can_be_checked_is_well(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    opened = find.open_port
    monkeypatch.setattr(find, "open_port", lambda name: opened(name, interpreter=kind))
    done = call(capsys, "--port", "sim", "doctor", "--json")
    found = checks(done.out)
    assert done.status == 0
    assert {name for name, each in found.items() if each["result"] == TROUBLE} <= {"ModemManager", "extras"}
    well = ("port", "answer", "protocol", "device's clock", "self-test")
    assert {found[name]["result"] for name in well} == {OK}
    assert "simulated" in found["answer"]["said"]


def test_without_any_device(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "doctor")
    assert done.status == 10
    assert "trouble      port" in done.out
    assert done.err == "podsteam: There is trouble with 'port'; its line says how to mend it.\n"


def test_something_else_on_the_port(capsys: pytest.CaptureFixture[str], terminal: Callable[[bytes], str]) -> None:
    done = call(capsys, "--port", terminal(b"hello\x1b[2J world\r\n"), "doctor", "--json")
    assert done.status == 14
    assert "no podsteam" in checks(done.out)["answer"]["said"]
    banner = b"\r\nMicroPython v1.20.0 on 2023-04-26; ESP32 module\r\n>>> "
    done = call(capsys, "--port", terminal(banner), "doctor", "--json")
    found = checks(done.out)
    assert done.status == 14
    assert "MicroPython's prompt" in found["answer"]["said"]
    assert "1.20 is too old" in found["MicroPython"]["said"]


def test_a_port_that_is_not_there_a_damaged_store_a_board_without_a_chip(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert call(capsys, "--port", "/dev/nothing", "doctor").status == 10
    (tmp_path / "a.db").write_text("no database at all")
    done = call(capsys, "--port", "sim", "--store", str(tmp_path / "a.db"), "doctor", "--json")
    assert done.status == 40
    assert "no record store" in checks(done.out)["record store"]["said"]
    done = call(capsys, "--port", "sim", "--store", str(tmp_path / "a.db" / "b.db"), "doctor", "--json")
    assert done.status == 40
    assert call(capsys, "--port", "sim", "doctor", "--chip").status == 2


# The report ---------------------------------------------------------------------------------------------------------

SECRETS = (
    *("jan", "janet", "/home/jan", "workshop", "4af0c0ffee12", "a1b2c3d4e5f6", "hunter2", "My Home", "s3cr3t"),
    *("24:6f:28:aa:bb:cc", "246f28aabbcc", "192.168.1.20", "jan@example.org", "MIIEvQ", "abc.def"),
)
TEXT = b"""wifi_password = "hunter2"
WLAN.connect("My Home", "hunter2")
{"ssid": "My Home", "psk": 's3cr3t'}
token: s3cr3t
Authorization: abc.def
File "/home/jan/x.py", C:\\Users\\janet\\y.py on workshop
mac 24:6F:28:AA:BB:CC 246f28aabbcc at 192.168.1.20 jan@example.org
"""


def test_nothing_personal_is_in_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "jan")
    monkeypatch.setenv("HOME", "/home/jan")
    monkeypatch.setattr("platform.node", lambda: "workshop.local")
    view = replace(
        WELL,
        store="/home/jan/records.db",
        port=PortSeen("/dev/serial/by-id/usb-Silicon_Labs_4af0c0ffee12-if00"),
        met=replace(MET, text=TEXT, events=("key -----BEGIN PRIVATE KEY----- MIIEvQ", "session began")),
    )
    data = bundle.make(view, doctor.examine(view))
    text = json.dumps(data)
    assert [each for each in SECRETS if each.lower() in text.lower()] == []
    # And what helps is still there.
    for kept in ("session began", "10c4:ea60", "1.28.0", "reference", "<home>", "<serial>", "<secret>"):
        assert kept in text
    assert data["versions"]["podsteam"] and len(data["checks"]) == 17


@pytest.mark.parametrize("name", ["report.json", "report.zip"])
def test_the_command_writes_a_report_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "annabella")
    monkeypatch.setenv("HOME", str(tmp_path / "annabella"))
    path = tmp_path / name
    store = str(tmp_path / "annabella" / "records.db")
    done = call(capsys, "--port", "sim", "--store", store, "doctor", "--report", str(path))
    assert done.status == 0, done.err
    if name.endswith(".zip"):
        text = zipfile.ZipFile(path).read("report.json").decode()
    else:
        text = path.read_text()
    report = json.loads(text)
    assert report["device"]["firmware"] and report["device"]["unit"] == "<serial>"
    assert report["log"]["events"]
    assert "annabella" not in text
    assert call(capsys, "--port", "sim", "doctor", "--report", str(path)).status == 2
    missing = tmp_path / "no" / "such" / "folder.json"
    assert call(capsys, "--port", "sim", "doctor", "--report", str(missing)).status == 40
