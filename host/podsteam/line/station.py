# SPDX-License-Identifier: Apache-2.0
"""A station's file: where units are plugged in, what they get, and what they may measure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from podsteam import production, production_identity
from podsteam.errors import UsageProblem
from podsteam.text import safe
from podsteam.tomlfile import table_of

if TYPE_CHECKING:
    from podsteam.flash.job import Job

KEYS = "123456789abcdefghijklmnoprstuvwxyz"
"""A key for each row; q ends."""
_TABLES = ("station", "flash", "identity", "limits")


@dataclass(frozen=True, slots=True)
class Station:
    """One station, read and checked."""

    hardware: str
    places: tuple[str, ...]
    """USB locations, in the order of the rows; empty: whatever is plugged in gets the next row."""
    folder: Path | None
    """In place of USB: each entry is a port while it is there, a link to a device or a file that names one."""
    serials: str
    """The pattern of serial numbers, such as PS-{:05d}; empty: they are scanned."""
    first: int
    rows: int
    labels: Path | None
    parts: production_identity.Parts
    limits: production.Limits
    job: "Job | None"
    """How units are flashed; None: they come flashed."""


def load(path: Path) -> Station:
    """Read a station's file; paths in it are beside it. Raises UsageProblem, which names file and key."""
    raw = production.bytes_of(path)
    tables = table_of(raw, str(path))
    for name, value in tables.items():
        if name not in _TABLES or not isinstance(value, dict):
            raise UsageProblem(
                f"{path}: may have the tables {', '.join(f'[{t}]' for t in _TABLES)}, not {safe(name, 40)}."
            )
    given = {name: _Table(path, name, cast("dict[str, Any]", tables.get(name, {}))) for name in _TABLES}
    station, flash, identity = (given[name] for name in _TABLES[:3])
    hardware = production.name_of(station.text("hardware"), "hardware revision")
    places = station.texts("places")
    folder = station.path("folder")
    if places and folder:
        raise UsageProblem(f"{path}: [station] has either places or a folder.")
    if len(set(places)) != len(places):
        raise UsageProblem(f"{path}: [station] names a place twice.")
    rows = station.number("rows", len(places) or 8, 1, len(KEYS))
    if len(places) > rows:
        raise UsageProblem(f"{path}: [station] has {len(places)} places and {rows} rows; {len(KEYS)} rows fit.")
    serials, first = station.text("serials", ""), station.number("first", 1, 0, 999_999_999)
    if serials:
        _check_pattern(serials, first, f"{path}: [station] serials")
    labels = station.path("labels")
    keys = tuple(path.parent / name for name in identity.texts("podlet_keys"))
    parts = production_identity.parts(identity.path("update_key"), keys, identity.path("calibration"))
    limits = production.ranges_of(tables.get("limits", {}), str(path))
    job = _job(flash) if "flash" in tables else None
    for table in (station, flash, identity):
        table.nothing_left()
    sha = hashlib.sha256(raw).hexdigest() if limits else ""
    return Station(hardware, places, folder, serials, first, rows, labels, parts, production.Limits(limits, sha), job)


def _check_pattern(pattern: str, first: int, where: str) -> None:
    try:
        one, other = pattern.format(first), pattern.format(first + 1)
    except (ValueError, IndexError, KeyError, AttributeError) as e:
        raise UsageProblem(f"{where}: '{safe(pattern, 40)}' is no pattern such as 'PS-{{:05d}}'.") from e
    if one == other:
        raise UsageProblem(f"{where}: must hold the number, as in 'PS-{{:05d}}'.")
    production.name_of(one, "serial number")


def _job(flash: "_Table") -> "Job":
    """As `podsteam flash` makes it. Raises UsageProblem."""
    from podsteam.flash import boards, burn, compiled, container, fetching, plan, release
    from podsteam.flash.job import Job

    board = boards.find(flash.text("board", boards.DEFAULT))
    image = flash.path("image")
    if image is None:
        raise UsageProblem(f"{flash.file}: [flash] wants image, a MicroPython image.")
    sha256 = flash.text("sha256", "")
    if sha256:
        fetching.check(image, sha256)
    read = container.load(image)
    plan.suits(read, board, flash.yes("any_version"))
    burn.available()
    key = flash.path("key")
    application, entry = compiled.application(boards.sources(board))
    return Job(
        board,
        read,
        application,
        entry,
        erase=flash.yes("erase"),
        verify=flash.yes("verify"),
        baud=flash.number("baud", burn.BAUD, 9600, 3_000_000),
        key=release.raw_key(release.public_key(key)) if key else b"",
    )


class _Table:
    """A table whose keys are taken one by one; what is left at the end is a mistake."""

    def __init__(self, file: Path, name: str, values: Mapping[str, Any]) -> None:
        self.file = file
        self._name = name
        self._left = dict(values)

    def _take(self, key: str, kind: type | tuple[type, ...], what: str) -> Any:
        value = self._left.pop(key, None)
        if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            raise UsageProblem(f"{self.file}: [{self._name}] {key} must be {what}.")
        return value

    def text(self, key: str, new: str | None = None) -> str:
        """A text; without `new` it must be there."""
        value = self._take(key, str, "a text")
        if value is None and new is None:
            raise UsageProblem(f"{self.file}: [{self._name}] wants {key}.")
        return new or "" if value is None else value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty when it is left out."""
        value = self._take(key, list, "a list of texts")
        if not all(isinstance(each, str) for each in value or ()):
            raise UsageProblem(f"{self.file}: [{self._name}] {key} must be a list of texts.")
        return tuple(value or ())

    def path(self, key: str) -> Path | None:
        """A path beside the file."""
        value = self._take(key, str, "a path")
        return None if value is None else self.file.parent / value

    def number(self, key: str, new: int, least: int, most: int) -> int:
        """A whole number."""
        what = f"a whole number from {least} to {most}"
        value = self._take(key, int, what)
        if value is not None and not least <= value <= most:
            raise UsageProblem(f"{self.file}: [{self._name}] {key} must be {what}.")
        return new if value is None else value

    def yes(self, key: str) -> bool:
        """true or false; false when it is left out."""
        return bool(self._take(key, bool, "true or false"))

    def nothing_left(self) -> None:
        """Raises UsageProblem for a key that nobody has taken."""
        for key in self._left:
            raise UsageProblem(f"{self.file}: [{self._name}] has no {safe(key, 40)}.")
