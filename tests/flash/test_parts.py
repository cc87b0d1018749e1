# SPDX-License-Identifier: Apache-2.0
"""Images, boards and the table of images: what is wrong with each is said; a board's pins reach the sources."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from chips import real_image, small_image

from podsteam import errors
from podsteam.boards.roles import ROLES
from podsteam.flash import boards, container, fetching, image, plan
from podsteam_firmware.hal import pins

REFERENCE = (boards.FOLDER / "reference.toml").read_text(encoding="utf-8")


def test_a_real_image_is_read() -> None:
    found = container.load(real_image())
    assert found.chip.name == "esp32"
    assert found.version == (1, 16)
    assert [p.name for p in found.partitions] == ["nvs", "phy_init", "factory", "vfs"]
    assert (found.files.start, found.files.size) == (0x200000, 0x200000)


SMALL = small_image(0, 0x1000)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "does not begin with a bootloader"),
        (b"\x7fELF" + SMALL, "does not begin with a bootloader"),
        (SMALL[:0x7000], "no partition table"),
        (SMALL[:0x8000], "no interpreter"),
        (SMALL[:12] + b"\x63\x00" + SMALL[14:0x7000] + b"\xff" * 0x8000, "a chip that podsteam does not know"),
        (SMALL[:0x7004] + b"\x01" + SMALL[0x7005:], "fails its check"),
        (SMALL.ljust(0x30000, b"\xff"), "reaches into its own partition"),
    ],
)
def test_what_is_wrong_with_an_image_is_said(data: bytes, sentence: str) -> None:
    with pytest.raises(errors.UsageProblem, match=sentence):
        container.parse(data, Path("image.bin"))


@pytest.mark.parametrize(("version", "fits"), [("v1.22.2", False), ("v1.23.0", True), ("v1.29.0-preview", True)])
def test_an_interpreter_that_is_too_old_is_refused(version: str, fits: bool) -> None:
    read = container.parse(small_image(0, 0x1000, version), Path("image.bin"))
    reference = boards.find("reference")
    plan.suits(read, reference, any_version=True)
    if fits:
        plan.suits(read, reference, any_version=False)
    else:
        with pytest.raises(errors.UsageProblem, match=r"1\.22; podsteam needs 1\.23"):
            plan.suits(read, reference, any_version=False)


def test_an_image_for_another_chip_than_the_boards_is_refused() -> None:
    read = container.parse(small_image(9, 0), Path("image.bin"))
    with pytest.raises(errors.UsageProblem, match="for the ESP32-S3"):
        plan.suits(read, boards.find("reference"), any_version=False)


# Boards --------------------------------------------------------------------------------------------------------------


def test_the_reference_board_is_the_firmwares_pin_map() -> None:
    board = boards.find("reference")
    assert board.pins == {role.name: getattr(pins, role.name) for role in ROLES}
    assert board.bus == {"EXPANDER": pins.EXPANDER, "CLOCK": pins.CLOCK}
    assert boards.check(board) == []
    assert boards.sources(board) == {}


def test_the_documents_wiring_is_the_data(pytestconfig: pytest.Config) -> None:
    text = (pytestconfig.rootpath / "hw" / "board" / "README.md").read_text(encoding="utf-8")
    for role, gpio in boards.find("reference").rows():
        assert f"| `{role.name}` | {gpio} | {role.kind} | {role.what} | {role.wiring} |" in text


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("SSR = 26", "SSR = 12", "SSR on GPIO 12: a strapping pin"),
        ("RELAY = 25", "RELAY = 9", "RELAY on GPIO 9: the flash memory"),
        ("BUZZER = 13", "BUZZER = 3", "BUZZER on GPIO 3: a pin of the UART"),
        ("VALVE = 27", "VALVE = 34", "VALVE on GPIO 34: this pin can only be an input"),
        ("NFC_SDA = 21", "NFC_SDA = 39", "NFC_SDA on GPIO 39: this pin can only be an input"),
        ("WALL = 36", "WALL = 26", "WALL on GPIO 26: no pin of ADC1"),
        ("MAINS = 33", "MAINS = 14", "MAINS on GPIO 14: no pin of ADC1"),
        ("LOAD = 19", "LOAD = 36", "LOAD on GPIO 36: the chip pulls this pin low"),
        ("SSR = 26", "SSR = 14", "SSR on GPIO 14: this pin moves by itself"),
        ("COIL = 23", "COIL = 24", "COIL on GPIO 24: the chip has no such pin"),
        ("COIL = 23", "COIL = 19", "COIL on GPIO 19: LOAD is there already"),
        ("COIL = 23", "", "COIL in \\[pins\\] must be a number"),
        ("COIL = 23", "COIL = true", "COIL in \\[pins\\] must be a number"),
        ("COIL = 23", "COIL = 23\nCOLI = 5", "has no COLI"),
        ("CLOCK = 0x68", "CLOCK = 0x20", "the same address"),
        ('chip = "esp32"', 'chip = "esp8266"', "chip must be one of"),
        ('name = "reference"', 'name = "../x"', "name must be of"),
        ("[pins]", "[pins", "is no TOML"),
        ("[bus]", "[parts]", "no key of a board"),
    ],
)
def test_what_is_wrong_with_a_board_is_said_naming_the_pin(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert old in REFERENCE
    path = tmp_path / "mine.toml"
    path.write_text(REFERENCE.replace(old, new))
    with pytest.raises(errors.UsageProblem, match=sentence):
        boards.find(str(path))


def test_a_boards_pins_reach_every_source_that_has_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    swapped = (
        REFERENCE.replace("SSR = 26", "SSR = 23").replace("COIL = 23", "COIL = 26").replace("BUTTON = 4", "BUTTON = 5")
    )
    swapped = swapped.replace("BUTTON = 5", "BUTTON = 19").replace("LOAD = 19", "LOAD = 4").replace("0x20", "0x21")
    path.write_text(swapped.replace("AUX_SDA = 17", "AUX_SDA = 16").replace("NFC_IRQ = 16", "NFC_IRQ = 17"))
    changed = boards.sources(boards.find(str(path)))
    assert "SSR = const(23)" in changed["podsteam_firmware/hal/pins.py"]
    assert "OFF = (23, 25, 27)" in changed["podsteam_firmware/entry/boot.py"]
    assert "_BUTTON = 19" in changed["podsteam_firmware/entry/main.py"]
    assert "_SDA = const(16)" in changed["podsteam_loader/esp32.py"]
    assert "_EXPANDER = const(0x21)" in changed["podsteam_loader/esp32.py"]
    with pytest.raises(errors.UsageProblem, match="There is no board 'nowhere'; there are"):
        boards.find("nowhere")


# Fetching ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A server on this machine with the files of the dictionary; the table of images names them."""
    files: dict[str, bytes] = {"/good.bin": SMALL, "/bad.bin": SMALL[:-1] + b"?"}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = files.get(self.path, b"")
            self.send_response(200 if data else 404)
            self.send_header("Content-Length", str(len(data) + (7 if self.path == "/short.bin" else 0)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    good = hashlib.sha256(SMALL).hexdigest()
    base = f"http://127.0.0.1:{server.server_port}"
    rows = [
        f"1.30.0,esp32,{base}/good.bin,{good},somebody",
        f"1.31.0,esp32,{base}/bad.bin,{good},",
        f"1.32.0,esp32,{base}/good.bin,,",
        f"1.33.0,esp32,{base}/short.bin,{good},",
        f"1.34.0,esp32,http://example.org/x.bin,{good},",
        f"1.35.0,esp32,{base}/none.bin,{good},",
    ]
    files["/short.bin"] = SMALL
    path = tmp_path / "images.csv"
    path.write_text("\n".join(["# comment", "version,chip,url,sha256,verified_by", *rows]) + "\n")
    monkeypatch.setenv(fetching.ENVIRONMENT, str(path))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    yield files
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_image_is_fetched_checked_and_kept(site: dict[str, bytes]) -> None:
    notes: list[str] = []
    path = fetching.fetch("v1.30.0", "esp32", "", notes.append)
    assert path.read_bytes() == SMALL
    assert notes == []
    site.clear()
    assert fetching.fetch("1.30.0", "esp32", "", notes.append) == path
    path.write_bytes(b"changed")
    with pytest.raises(errors.IntegrityFailed):
        fetching.fetch("1.30.0", "esp32", "", notes.append)


def test_an_entry_that_nobody_verified_or_hashed_is_said(site: dict[str, bytes]) -> None:
    notes: list[str] = []
    with pytest.raises(errors.UsageProblem, match="give it with --sha256"):
        fetching.fetch("1.32.0", "esp32", "", notes.append)
    assert fetching.fetch("1.32.0", "esp32", hashlib.sha256(SMALL).hexdigest(), notes.append).read_bytes() == SMALL
    assert notes == ["No maintainer has verified the entry for MicroPython 1.32.0 on esp32."]


@pytest.mark.parametrize(
    ("version", "kind", "sentence"),
    [
        ("1.31.0", errors.IntegrityFailed, "it was not used"),
        ("1.33.0", errors.Incomplete, "bytes of|cannot be fetched"),
        ("1.34.0", errors.UsageProblem, "only https is"),
        ("1.35.0", errors.Incomplete, "cannot be fetched"),
        ("9.9.9", errors.UsageProblem, "there are 1.30.0"),
    ],
)
def test_what_goes_wrong_with_fetching_is_said(
    site: dict[str, bytes], version: str, kind: type[errors.PodsteamError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        fetching.fetch(version, "esp32", "", lambda _: None)


def test_the_shipped_table_can_be_read_and_claims_no_more_than_is_known() -> None:
    found = fetching.entries()
    assert found
    assert all(e.url.startswith("https://") for e in found)
    assert all(e.sha256 for e in found if e.verified_by)


def test_a_file_system_is_read_back_and_its_empty_end_left_out() -> None:
    files = {"a/x.mpy": b"x" * 9000, "main.py": b""}
    content = image.build(files, 64 * image.BLOCK)
    assert image.read(content) == files
    short = image.used(content)
    assert len(short) < len(content)
    assert short.ljust(len(content), b"\xff") == content
    with pytest.raises(errors.UsageProblem, match="cannot be read"):
        image.read(b"\xff" * 16 * image.BLOCK)
