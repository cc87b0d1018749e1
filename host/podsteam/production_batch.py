# SPDX-License-Identifier: Apache-2.0
"""A batch of units for the production test: its CSV file, and which row is whose."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from podsteam.errors import UsageProblem
from podsteam.production import Record, bytes_of, name_of, passed
from podsteam.text import safe

_COLUMNS = ("serial", "hardware", "port", "unit", "calibration")


@dataclass(frozen=True, slots=True)
class Row:
    """A unit to make."""

    serial: str
    hardware: str
    port: str = ""
    """Where it is plugged in; "": wherever."""
    unit: str = ""
    """Its address as 12 hexadecimal digits; "": any."""
    calibration: str = ""
    """File with what was measured of it, beside the batch's; "": none."""


def load(path: Path) -> list[Row]:
    """The rows of a CSV file with the columns serial, hardware and, if wanted, port, unit and calibration. Raises
    UsageProblem."""
    try:
        reader = csv.reader(io.StringIO(bytes_of(path).decode("utf-8-sig"), newline=""), strict=True)
        table = [[cell.strip() for cell in row] for row in reader if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as e:
        raise UsageProblem(f"{path}: is no CSV ({safe(str(e), 100)}).") from e
    head = table[0] if table else []
    if not {"serial", "hardware"} <= set(head) <= set(_COLUMNS) or len(set(head)) != len(head):
        raise UsageProblem(
            f"{path}: its first line must name serial, hardware and, if wanted, port, unit, calibration."
        )
    rows: list[Row] = []
    for number, cells in enumerate(table[1:], 1):
        where = f"{path}: unit {number}"
        if len(cells) != len(head):
            raise UsageProblem(f"{where} has {len(cells)} cells, and the first line {len(head)}.")
        try:
            rows.append(_row(dict(zip(head, cells, strict=True))))
        except UsageProblem as e:
            raise UsageProblem(f"{where}: {e.message}") from None
    for name in ("serial", "port", "unit"):
        used = [getattr(row, name) for row in rows if getattr(row, name)]
        twice = next((value for value in used if used.count(value) > 1), "")
        if twice:
            raise UsageProblem(f"{path}: the {name} {safe(twice, 60)} is there twice.")
    if not rows:
        raise UsageProblem(f"{path}: names no unit.")
    return rows


def _row(cells: dict[str, str]) -> Row:
    unit = cells.get("unit", "").lower()
    if unit and (len(unit) != 12 or not set(unit) <= set("0123456789abcdef")):
        raise UsageProblem(f"'{safe(unit, 40)}' is no unit's address, which has 12 hexadecimal digits.")
    serial, hardware = name_of(cells["serial"], "serial number"), name_of(cells["hardware"], "hardware revision")
    return Row(serial, hardware, cells.get("port", ""), unit, cells.get("calibration", ""))


def done(rows: list[Row], past: dict[str, list[Record]]) -> set[str]:
    """The serials of those rows that have passed."""
    good = {attempts[-1]["serial"] for attempts in past.values() if passed(attempts)}
    return {row.serial for row in rows} & good


def row_for(rows: list[Row], past: dict[str, list[Record]], port: str, unit: str) -> Row | None:
    """The row of the unit found on a port, out of those that are still to do: the one that names the port, the one
    that names the unit, the one that it failed under, then the first that is nobody's. None: there is none."""
    for row in rows:
        if row.port == port:
            return row if row.unit in ("", unit) else None
    free = [row for row in rows if not row.port]
    for row in free:
        if row.unit == unit:
            return row
    mine = past.get(unit, [])
    begun = {attempts[-1]["serial"] for other, attempts in past.items() if other != unit}
    for row in free:
        if not row.unit and mine and mine[-1]["serial"] == row.serial:
            return row
    return next((row for row in free if not row.unit and row.serial not in begun), None)
