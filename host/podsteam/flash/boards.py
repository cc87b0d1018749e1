# SPDX-License-Identifier: Apache-2.0
"""Boards: which pin does what on which chip, checked, and put into the sources that are compiled.

A board is a TOML file (`podsteam/boards/reference.toml` is one). Every mistake names the pin.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from podsteam.boards.roles import ROLES, Role
from podsteam.errors import UsageProblem
from podsteam.flash.compiled import folders
from podsteam.text import safe

FOLDER = Path(__file__).parents[1] / "boards"
DEFAULT = "reference"
_BUS = ("EXPANDER", "CLOCK")
_NAME = re.compile(r"[a-z0-9_-]{1,32}")


@dataclass(frozen=True)
class Rules:
    """What a chip's pins can do (data sheets: pin lists, strapping pins, ADC1 channels)."""

    exist: frozenset[int]
    flash: frozenset[int]
    strapping: frozenset[int]
    uart: frozenset[int]
    """UART 0, which the USB bridge hangs on: for the link and nothing else."""
    usb: frozenset[int]
    input_only: frozenset[int]
    adc1: frozenset[int]
    glitches: frozenset[int]
    """Pulled low by the chip itself for some 80 ns: no pin to count on."""
    moves: frozenset[int]
    """Move by themselves while the chip starts: nothing that heats or doses."""


def _set(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


RULES = {
    "esp32": Rules(
        exist=frozenset(range(40)) - _set(20, 24, 28, 29, 30, 31),
        flash=frozenset(range(6, 12)),
        strapping=_set(0, 2, 5, 12, 15),
        uart=_set(1, 3),
        usb=_set(),
        input_only=frozenset(range(34, 40)),
        adc1=frozenset(range(32, 40)),
        glitches=_set(36, 39),
        moves=_set(14),
    ),
    "esp32s3": Rules(
        exist=frozenset(range(22)) | frozenset(range(26, 49)),
        flash=frozenset(range(26, 33)),
        strapping=_set(0, 3, 45, 46),
        uart=_set(43, 44),
        usb=_set(19, 20),
        input_only=_set(),
        adc1=frozenset(range(1, 11)),
        glitches=_set(),
        moves=_set(18),
    ),
    "esp32c3": Rules(
        exist=frozenset(range(22)),
        flash=frozenset(range(12, 18)),
        strapping=_set(2, 8, 9),
        uart=_set(20, 21),
        usb=_set(18, 19),
        input_only=_set(),
        adc1=frozenset(range(5)),
        glitches=_set(),
        moves=_set(),
    ),
}
_DANGEROUS = ("SSR", "RELAY", "VALVE")
_BARE = "podsteam_firmware/hal/esp32_bare.py"
_BOOT = 0
"""GPIO of a devkit's BOOT button."""


@dataclass(frozen=True)
class BoardFile:
    """A board that was read and checked."""

    name: str
    title: str
    chip: str
    pins: dict[str, int]
    bus: dict[str, int]
    simulated: bool = False
    """Nothing is attached: the firmware has a boiler of its own and drives no pin."""

    def rows(self) -> list[tuple[Role, int]]:
        """The wiring: every role with its GPIO."""
        return [(role, self.pins[role.name]) for role in ROLES if role.name in self.pins]


def names() -> list[str]:
    """The boards that come with podsteam."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def find(which: str) -> BoardFile:
    """The board of this name, or in this file. Raises UsageProblem."""
    if which in names():
        return load(FOLDER / f"{which}.toml")
    if which.endswith(".toml") or Path(which).exists():
        return load(Path(which))
    raise UsageProblem(f"There is no board '{safe(which, 60)}'; there are {', '.join(names())}, or give a TOML file.")


def load(path: Path) -> BoardFile:
    """Read and check a board's file. Raises UsageProblem, which names the file and the pin."""
    shown = safe(str(path))
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise UsageProblem(f"The board {shown} cannot be read ({e.strerror}).") from e
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise UsageProblem(f"The board {shown} is no TOML: {safe(str(e), 200)}.") from e
    board = _read(table, shown)
    if complaints := check(board):
        raise UsageProblem(f"The board {shown} cannot be built: {' '.join(complaints)}")
    return board


def _read(table: dict[str, Any], shown: str) -> BoardFile:
    unknown = sorted(set(table) - {"name", "title", "chip", "pins", "bus", "simulated"})
    if unknown:
        raise UsageProblem(f"{shown}: '{safe(unknown[0], 40)}' is no key of a board.")
    name, chip = table.get("name"), table.get("chip")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageProblem(f"{shown}: name must be of a-z, 0-9, '_' and '-', 32 at most.")
    if chip not in RULES:
        raise UsageProblem(f"{shown}: chip must be one of {', '.join(RULES)}.")
    title = safe(str(table.get("title", name)), 80)
    if table.get("simulated") is True:
        if "pins" in table or "bus" in table:
            raise UsageProblem(f"{shown}: a simulated board has no pins and no bus.")
        if chip != "esp32":
            raise UsageProblem(f"{shown}: a simulated board is an esp32.")
        return BoardFile(name, title, str(chip), {}, {}, simulated=True)
    pins = _numbers(table.get("pins"), "pins", tuple(role.name for role in ROLES), 48, shown)
    bus = _numbers(table.get("bus"), "bus", _BUS, 0x77, shown)
    return BoardFile(name, title, str(chip), pins, bus)


def _numbers(value: Any, section: str, wanted: tuple[str, ...], most: int, shown: str) -> dict[str, int]:
    if not isinstance(value, dict):
        raise UsageProblem(f"{shown}: the section [{section}] is missing.")
    entries = cast("dict[str, Any]", value)
    for name in entries:
        if name not in wanted:
            raise UsageProblem(f"{shown}: [{section}] has no {safe(name, 40)}.")
    for name in wanted:
        number = entries.get(name)
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= most:
            raise UsageProblem(f"{shown}: {name} in [{section}] must be a number from 0 to {most}.")
    return {name: int(entries[name]) for name in wanted}


def check(board: BoardFile) -> list[str]:
    """What is wrong with the pins: a sentence for each, naming the pin; empty when they can be built."""
    rules = RULES[board.chip]
    found: list[str] = []
    users: dict[int, str] = {}
    for role, gpio in board.rows():
        at = f"{role.name} on GPIO {gpio}:"
        if gpio in users:
            found.append(f"{at} {users[gpio]} is there already.")
        users.setdefault(gpio, role.name)
        reason = _misuse(rules, role, gpio)
        if reason:
            found.append(f"{at} {reason}")
    if board.bus and board.bus["EXPANDER"] == board.bus["CLOCK"]:
        found.append("EXPANDER and CLOCK have the same address.")
    return found


def _misuse(rules: Rules, role: Role, gpio: int) -> str:
    """Why a pin cannot have this role; empty: it can."""
    if gpio not in rules.exist:
        return "the chip has no such pin."
    if gpio in rules.flash:
        return "the flash memory is on this pin."
    if gpio in rules.strapping:
        return "a strapping pin, read by the chip at reset."
    if gpio in rules.uart and role.kind != "uart":
        return "a pin of the UART to the USB bridge."
    if gpio in rules.usb:
        return "a pin of the chip's own USB."
    if role.kind in ("out", "i2c") and gpio in rules.input_only:
        return "this pin can only be an input."
    if role.kind == "uart" and role.name == "LINK_TX" and gpio in rules.input_only:
        return "this pin can only be an input."
    if role.kind == "analog" and gpio not in rules.adc1:
        return "no pin of ADC1; the other converter is not used."
    if role.kind == "in" and gpio in rules.glitches:
        return "the chip pulls this pin low by itself now and then."
    if role.name in _DANGEROUS and gpio in rules.moves:
        return "this pin moves by itself while the chip starts."
    return ""


# Into the sources ----------------------------------------------------------------------------------------------------


def sources(board: BoardFile) -> dict[str, str]:
    """The device's sources that differ for this board, by path below the import root; empty for the reference board.

    Raises UsageProblem when a source does not have what is to be changed.
    """
    if board.simulated:
        return _bare(board)
    reference = find(DEFAULT)
    if board.pins == reference.pins and board.bus == reference.bus:
        return {}
    pins = "podsteam_firmware/hal/pins.py"
    boot, main = "podsteam_firmware/entry/boot.py", "podsteam_firmware/entry/main.py"
    loader = "podsteam_loader/esp32.py"
    hal = "podsteam_firmware/hal/esp32.py"
    p = board.pins
    edits: dict[str, dict[str, str]] = {
        pins: {
            **{rf"^{name} = const\(\d+\)": f"{name} = const({number})" for name, number in p.items()},
            **{
                rf"^{name} = const\(0x[0-9A-Fa-f]+\)": f"{name} = const({number:#x})"
                for name, number in board.bus.items()
            },
        },
        hal: {r'^    board = "\w+"': f'    board = "{board.name[:16]}"'},
        boot: {r"^OFF = \(\d+, \d+, \d+\)": f"OFF = ({p['SSR']}, {p['RELAY']}, {p['VALVE']})"},
        main: {r"^_BUTTON = \d+": f"_BUTTON = {p['BUTTON']}"},
        loader: {
            r"^_TX = const\(\d+\)": f"_TX = const({p['LINK_TX']})",
            r"^_RX = const\(\d+\)": f"_RX = const({p['LINK_RX']})",
            r"^_SDA = const\(\d+\)": f"_SDA = const({p['AUX_SDA']})",
            r"^_SCL = const\(\d+\)": f"_SCL = const({p['AUX_SCL']})",
            r"^_EXPANDER = const\(0x[0-9A-Fa-f]+\)": f"_EXPANDER = const({board.bus['EXPANDER']:#x})",
        },
    }
    return _changed(edits)


def _bare(board: BoardFile) -> dict[str, str]:
    """Those of a board that drives no pin: another HAL under the same name, and nothing that is switched off."""
    changed = _changed(
        {
            _BARE: {
                r'^    board = "\w+"': f'    board = "{board.name[:16]}"',
                # So that it goes to the device, in the place of the other.
                r" On other boards: Never loaded on the device\.$": "",
            },
            "podsteam_firmware/entry/boot.py": {r"^OFF = \(\d+, \d+, \d+\)": "OFF = ()"},
            "podsteam_firmware/entry/main.py": {r"^_BUTTON = \d+": f"_BUTTON = {_BOOT}"},
            "podsteam_loader/esp32.py": {r"^_EXPANDER = const\(0x[0-9A-Fa-f]+\)": "_EXPANDER = const(0x0)"},
        }
    )
    changed["podsteam_firmware/hal/esp32.py"] = changed.pop(_BARE)
    return changed


def _changed(edits: dict[str, dict[str, str]]) -> dict[str, str]:
    """Installed sources with lines replaced: {path: {pattern: replacement}}. Raises UsageProblem."""
    roots = {folder.name: folder.parent for folder in folders()}
    changed: dict[str, str] = {}
    for below, rules in edits.items():
        text = (roots[below.partition("/")[0]] / below).read_text(encoding="utf-8")
        for pattern, replacement in rules.items():
            text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            if count != 1:
                raise UsageProblem(f"{below} does not have the line that this board changes ({replacement}).")
        changed[below] = text
    return changed
