# SPDX-License-Identifier: Apache-2.0
"""The CSV export in a real spreadsheet: LibreOffice opens it, headers have units, numbers are numbers, text is text."""

import csv
import os
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
import synthetic
from hostile_cases import TEXTS

from podsteam.report.columns import EVENTS, SAMPLES
from podsteam.report.export import write_csv
from podsteam.store import SessionMeta, open_store

OFFICE = shutil.which("soffice")
LONG_S = 200
"""Until a busy computer has made a profile and converted; a quiet one takes four seconds."""

pytestmark = pytest.mark.skipif(OFFICE is None, reason="LibreOffice is not installed")

Cell = str | float | None
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"

TAGS = {
    "subject": "P07",
    "room": "Jörg, 5 µL; größer €",
    **{f"evil{i}": each.text for i, each in enumerate(TEXTS) if each.kind == "formula"},
}


def converted(folder: Path, files: list[Path], *options: str, language: str = "C.UTF-8") -> list[list[list[Cell]]]:
    """What LibreOffice, without any profile of before, makes of the files: a table of cells for each."""
    command = [str(OFFICE), f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", *options]
    subprocess.run(
        [*command, "--convert-to", "ods", "--outdir", str(folder / "ods"), *map(str, files)],
        env={**os.environ, "HOME": str(folder), "LC_ALL": language, "LANG": language},
        capture_output=True,
        check=True,
        timeout=LONG_S,
    )
    return [cells_of(folder / "ods" / f"{each.stem}.ods") for each in files]


def cells_of(path: Path) -> list[list[Cell]]:
    """The rows of an OpenDocument spreadsheet's only sheet. No cell may have a formula or a link."""
    with zipfile.ZipFile(path) as archive:
        root = ElementTree.fromstring(archive.read("content.xml"))
    assert not [each for each in root.iter() if f"{_TABLE}formula" in each.attrib or each.tag == f"{_TEXT}a"]
    rows: list[list[Cell]] = []
    for row in root.iter(f"{_TABLE}table-row"):
        cells: list[Cell] = []
        for cell in row.iter(f"{_TABLE}table-cell"):
            cells += [_value(cell)] * int(cell.get(f"{_TABLE}number-columns-repeated", 1))
        rows += [cells] * int(row.get(f"{_TABLE}number-rows-repeated", 1))
    return rows


def _value(cell: ElementTree.Element) -> Cell:
    kind = cell.get(f"{_OFFICE}value-type")
    if kind is None:
        return None
    if kind == "float":
        return float(cell.attrib[f"{_OFFICE}value"])
    # A date or a percentage would be a guess of the spreadsheet's.
    assert kind == "string", ElementTree.tostring(cell)
    return "\n".join("".join(paragraph.itertext()) for paragraph in cell.iter(f"{_TEXT}p"))


def expected(path: Path) -> list[list[Cell]]:
    """The file's rows, with numbers as numbers by the columns' kinds."""
    kinds = {column.name: column.kind for column in (*SAMPLES, *EVENTS)}
    with path.open(encoding="utf-8", newline="") as file:
        heads, *rows = csv.reader(file, strict=True)

    def value(head: str, text: str) -> Cell:
        return float(text) if text and kinds.get(head, "text") in ("real", "count", "flag") else text or None

    return [list(heads), *([value(*pair) for pair in zip(heads, row, strict=True)] for row in rows)]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    with open_store(tmp_path / "s.db") as store:
        meta = SessionMeta(synthetic.HEAD, started=datetime(2026, 11, 24, 9, 30, tzinfo=UTC), tags=TAGS)
        stored = store.get(store.add_device_record(meta, synthetic.session(2000)))
    return write_csv(stored, tmp_path / "values.csv")[:2]


def test_opened_as_it_is(files: list[Path], tmp_path: Path) -> None:
    """Without any choice units and numbers are right; only signs beyond ASCII want the choice of UTF-8."""
    values, events = converted(tmp_path, files)
    heads, *rows = values
    wanted_heads, *wanted = expected(files[0])
    assert heads == wanted_heads
    assert {"wall_degC", "power_W", "steam_g_per_min", "dosed_uL", "mains_V", "t_s"} <= set(heads)
    plain = [i for i, cell in enumerate(wanted[0]) if not isinstance(cell, str) or cell.isascii()]
    assert [[row[i] for i in plain] for row in rows] == [[row[i] for i in plain] for row in wanted]
    assert isinstance(rows[0][heads.index("wall_degC")], float)
    assert str(rows[0][heads.index("time")]).startswith("2026-11-24T09:30:02.000")
    assert events[0] == expected(files[1])[0] and len(events) == len(expected(files[1]))


@pytest.mark.parametrize("language", ["C.UTF-8", "de_DE.UTF-8"])
def test_opened_as_documented(files: list[Path], tmp_path: Path, language: str) -> None:
    """All of it is right by the option that docs/records.md names, where a comma is the decimal sign too."""
    text = (Path(__file__).parents[2] / "docs" / "records.md").read_text(encoding="utf-8")
    option = next(line for line in text.splitlines() if "--infilter=" in line).split("'")[1]
    for cells, file in zip(converted(tmp_path, files, option, language=language), files, strict=True):
        assert cells == expected(file)
