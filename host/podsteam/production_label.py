# SPDX-License-Identifier: Apache-2.0
"""A unit's label: a QR code as PNG, and the same as text in ZPL, the language of label printers."""

from pathlib import Path

from podsteam.errors import UsageProblem
from podsteam.podlet_label import sheet
from podsteam.production import Record


def files(record: Record, folder: Path) -> dict[Path, bytes]:
    """The label's files, named after the serial. Raises UsageProblem when segno is missing."""
    kind = "podsteam SIMULATED" if record["simulated"] else "podsteam"
    text = f"{kind} {record['serial']} {record['hardware']} {record['unit']}"
    paths = paths_of(record["serial"], folder)
    return {paths[0]: sheet(text, 1, 1), paths[1]: _zpl(record, text).encode()}


def paths_of(serial: str, folder: Path) -> tuple[Path, Path]:
    """PNG and ZPL of a serial."""
    return folder / f"{serial}.png", folder / f"{serial}.zpl"


def prepare(folder: Path) -> None:
    """Make the folder, and see that a code can be drawn, before a unit is tested. Raises UsageProblem."""
    sheet("podsteam", 1, 1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UsageProblem(f"{folder}: cannot be made a folder ({e.strerror or e}).") from e


def _zpl(record: Record, text: str) -> str:
    """For 203 dots an inch: the code on the left, serial, revision and unit beside it. No value holds ^ or ~."""
    lines = [record["serial"], f"hardware {record['hardware']}", record["unit"]]
    if record["simulated"]:
        lines.append("SIMULATED")
    fields = "".join(f"^FO230,{40 + 50 * row}^A0N,36,32^FD{line}^FS\n" for row, line in enumerate(lines))
    return f"^XA\n^CI28\n^FO20,20^BQN,2,5^FDMA,{text}^FS\n{fields}^XZ\n"
