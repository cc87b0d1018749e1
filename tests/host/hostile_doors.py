# SPDX-License-Identifier: Apache-2.0
"""The doors at which each case of `hostile_cases` is tried: what comes in, what goes out, what is shown.

Nothing may get out of its file, its cell, its element or its line, and nothing may end in anything but a result or a
sentence.
"""

import csv
import hashlib
import io
import json
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet as pq
import synthetic
from calls import Called, call
from hostile_cases import LENGTHS, File, Link, Text
from rich.console import Console as RichConsole

from podsteam.live import Live
from podsteam.report.chart import chart_of
from podsteam.report.comparison import comparison
from podsteam.report.export import document, frames_data, write_csv, write_json
from podsteam.report.page import page
from podsteam.report.parquet import write_parquet
from podsteam.report.partition import write_partitioned
from podsteam.report.svg import picture
from podsteam.store import SessionMeta, open_store
from podsteam.store.database import Store
from podsteam.store.model import Stored
from podsteam.store.questions import compare
from podsteam.text import mended
from podsteam.watching import rows
from podsteam.watching.model import Begin, Said, Watched
from podsteam.watching.model import Programs as Names
from podsteam.wire.messages import Console, Event, Program, RecordHead, StateValue, Tele

UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
FORMULA = re.compile(r"^\s*[=+\-@＝＋－＠]")  # noqa: RUF001
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
ERASURE = re.compile(r"\x1b\[(?:\?25[lh]|[0-9]*[AKG]|2K)|\r")
"""What the small live view itself sends to draw in place."""


IN_A_STORE = 12


class Trials:
    """What was tried, and what got out."""

    def __init__(self) -> None:
        self.count = 0
        self.doors: set[str] = set()
        self.escapes: list[str] = []

    def __call__(self, door: str, case: str, problems: list[str]) -> None:
        self.count += 1
        self.doors.add(door)
        self.escapes += [f"{case[:60]!a} at {door}: {problem}" for problem in problems]


def steering(text: str) -> list[str]:
    """Characters that would steer a terminal or hide text."""
    found = sorted({c for c in text if c != "\n" and unicodedata.category(c) in UNSAFE})
    return [f"{c!a} is shown" for c in found]


def ended(called: Called) -> list[str]:
    """A result or a sentence, and nothing in either that steers."""
    problems = steering(called.out) + steering(called.err)
    if called.status == 1 or "Traceback" in called.err or "Internal error" in called.err:
        problems.append(f"ended with {called.status}: {called.err[-200:]}")
    return problems


# What a device or a person has said, in a record.


def record_of(store: Store, text: str) -> Stored:
    """A session with the text in each field that takes one."""
    spoken = text.encode("utf-8", "surrogatepass")
    name = spoken[:16].ljust(16, b"\0")
    head = replace(synthetic.HEAD, program=replace(synthetic.PROGRAM, name=name).pack(), session=len(store.list()))
    said = [Console(spoken[:200]), Event(1, 25_000, 200, -1, 7), Tele(uptime_ms=25_000, state=StateValue.STEAM)]
    meta = SessionMeta(head, port=mended(text)[:200], tags={"subject": mended(text)[:200]}, note=mended(text)[:4000])
    return store.get(store.add_device_record(meta, synthetic.wire([head, *said])))


class Shape(HTMLParser):
    """The elements and attributes of a page, and how often each is there."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[tuple[str, tuple[str, ...]]] = set()
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add((tag, tuple(name for name, _ in attrs)))
        self.scripts += tag == "script"


def page_problems(text: str, plain: str) -> list[str]:
    shape, wanted = Shape(text), Shape(plain)
    new = shape.found - wanted.found
    problems = [f"new elements {sorted(new)}"] if new or shape.scripts != wanted.scripts else []
    return problems + steering(text.replace("\t", " "))


def csv_problems(data: bytes) -> list[str]:
    problems: list[str] = []
    table = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    if len({len(row) for row in table}) != 1:
        problems.append("rows of different length")
    for cell in (cell for row in table for cell in row):
        number = re.fullmatch(r"-?[0-9.e+-]+", cell)
        problems += steering(cell) + ([f"a formula: {cell[:40]!a}"] if FORMULA.match(cell) and not number else [])
    return problems


def within(folder: Path, written: list[Path]) -> list[str]:
    """Files where they belong, under names that are harmless on every system."""
    problems = [f"{path} is outside" for path in written if not path.resolve().is_relative_to(folder.resolve())]
    parts = {part for path in written for part in path.relative_to(folder).parts}
    return problems + [f"a file is named {part!a}" for part in sorted(parts) if not re.fullmatch(r"[\w=.-]+", part)]


def meta_of(table: Any) -> list[tuple[bytes, bytes]]:
    """Everything that a table says of itself."""
    return [
        *(table.schema.metadata or {}).items(),
        *(pair for f in table.schema for pair in (f.metadata or {}).items()),
    ]


def exported(trial: Trials, text: str, stored: Stored, folder: Path) -> None:
    """Every format, alone and in a folder of many."""
    written = write_csv(stored, folder / "one.csv", True)
    trial("export csv", text, [p for path in written[:2] for p in csv_problems(path.read_bytes())])
    trial("export csv's description", text, steering(written[2].read_text(encoding="utf-8")))
    (path,) = write_json(stored, folder / "one.json", True)
    trial(
        "export json",
        text,
        steering(path.read_text(encoding="utf-8")) + ([] if json.loads(path.read_bytes()) else ["-"]),
    )
    problems: list[str] = []
    for path in write_parquet(stored, folder / "one.parquet", True):
        table = pq.read_table(path)
        problems += steering("".join(value.decode() for key, value in meta_of(table) if key != b"ARROW:schema"))
        for column in table.to_pydict().values():
            problems += [p for cell in column if isinstance(cell, str) for p in steering(cell)]
    trial("export parquet", text, problems)
    for form in ("csv", "parquet"):
        below = folder / form
        made = write_partitioned([stored], below, ("device", "month", "day"), form, ["subject"], True)
        cells = [p for path in made if path.suffix == ".csv" for p in csv_problems(path.read_bytes())]
        trial(f"export --all {form}", text, within(below, made) + cells)


def reported(trial: Trials, text: str, stored: Stored, store: Store, plain: Stored) -> None:
    """Pages and drawings."""
    trial("report html", text, page_problems(page(stored, pointing=True), page(plain, pointing=True)))
    two = comparison(stored, plain, compare(store, stored, plain))
    trial("report of two", text, page_problems(two, comparison(plain, plain, compare(store, plain, stored))))
    drawn = picture(chart_of(stored.record), "Session over time")
    problems = steering(drawn)
    try:
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(drawn).iter()}
        problems += [f"element {tag}" for tag in tags & {"script", "image", "foreignObject", "a"}]
    except ElementTree.ParseError as e:
        problems.append(str(e))
    trial("report svg", text, problems)


def seen(trial: Trials, text: str, stored: Stored) -> None:
    """The live views: the small one and its lines, and the rows of the full-screen one."""
    program, spoken = stored.record.program, text.encode("utf-8", "surrogatepass")[:200]
    assert program is not None
    for is_terminal in (True, False):
        out = io.StringIO()
        console = RichConsole(file=out, force_terminal=is_terminal, width=80, height=24, legacy_windows=False)
        with Live(console, program, plain=not is_terminal) as live:
            live.say(text)
            live.update(Tele(uptime_ms=25_000, state=StateValue.STEAM), None)
            live.summary(stored.record.summary)
        shown = ERASURE.sub("", COLOURS.sub("", out.getvalue())) if is_terminal else out.getvalue()
        trial("live view" if is_terminal else "live lines", text, steering(shown))
    watched = Watched(text[:200], synthetic.UID.hex(), 1)
    for item in (Begin(program), Console(spoken), Said(text), Names((text[:40],))):
        watched.take(item)
    parts = [rows.title(watched, 80), rows.head(watched, 80, 24), rows.events(watched, 80, 9)]
    parts += [rows.all_events(watched, 80), rows.tabs([watched, watched], 0, 80)]
    styles = {str(span.style) for part in parts for span in part.spans}
    problems = [f"style {style}" for style in styles if "link" in style or "click" in style]
    trial("watch", text, problems + steering("\n".join(part.plain for part in parts)))


def commanded(trial: Trials, text: str, stored: Stored, plain: Stored, at: str, capsys: Any) -> None:
    """The commands that show a record, and those that are given the text."""

    def go(door: str, *arguments: str) -> None:
        trial(door, text, ended(call(capsys, "--store", at, *arguments)))

    go("records show", "records", "show", stored.entry.id)
    go("records show --json", "records", "show", stored.entry.id, "--json")
    go("records compare", "records", "compare", stored.entry.id, plain.entry.id)
    go("records trace", "records", "trace", stored.entry.id)
    short = text[:3000]
    go("records trace --batch", "records", "trace", "--batch", short)
    go("records annotate", "records", "annotate", stored.entry.id, "--note", short, "--tag", f"subject={short}")
    go("records annotate --tag", "records", "annotate", stored.entry.id, "--tag", short)
    go("records register", "records", "register", "batch", short, f"product={short}")
    go("records list --where", "records", "list", "--where", short)
    go("schema", "schema", short)
    go("explain", "explain", short)
    go("a command", short)


# The whole list.


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All that is below a folder: kind and content."""
    found: dict[str, tuple[int, bytes]] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        found[str(path.relative_to(folder))] = (stat.S_IFMT(mode), path.read_bytes() if stat.S_ISREG(mode) else b"")
    return found


@contextmanager
def room(folder: Path) -> Iterator[tuple[Path, Path]]:
    """A folder to work in, and one beside it that must stay as it is."""
    inside, outside = folder / "inside", folder / "outside"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("mine", encoding="utf-8")
    before = tree(outside)
    with chdir(inside):
        yield inside, outside
    assert tree(outside) == before, "something outside was touched"
    assert sorted(path.name for path in folder.iterdir()) == ["inside", "outside"]


def try_texts(trial: Trials, cases: Sequence[Text], inside: Path, capsys: Any) -> None:
    """Every text at every door that takes or shows one. A new store for every few: commands read all of theirs."""
    for begin in range(0, len(cases), IN_A_STORE):
        at = str(inside / f"records{begin}.db")
        with open_store(at) as store:
            plain = record_of(store, "plain")
            for case in cases[begin : begin + IN_A_STORE]:
                stored = record_of(store, case.text)
                exported(trial, case.text, stored, inside)
                reported(trial, case.text, stored, store, plain)
                seen(trial, case.text, stored)
                commanded(trial, case.text, stored, plain, at, capsys)
                trial("import", case.text, imported_text(stored, case.text, inside, capsys))
        for words in (("list",), ("stats",), ("stats", "--by", "subject"), ("verify",), ("list", "--json")):
            trial(f"records {' '.join(words)}", f"from {begin}", ended(call(capsys, "--store", at, "records", *words)))
    taken = call(capsys, "--store", str(inside / "in.db"), "records", "list")
    trial("records list", "all that was imported", ended(taken))


def imported_text(stored: Stored, text: str, inside: Path, capsys: Any) -> list[str]:
    """A session's file with the text in one place of it after the other; then the text as the file's name."""
    good = {**document(stored), "frames": frames_data(stored.raw)}
    about = {**good["record"], "note": text, "tags": {"subject": text}}
    problems: list[str] = []
    for i, change in enumerate(({}, {"id": text}, {"started": text}, {"tags": {text: "x"}, "note": ""})):
        key = "a" + hashlib.sha256(f"{i}{text!a}".encode()).hexdigest()[:11]
        (inside / "in.json").write_text(
            json.dumps({**good, "record": {**about, "id": key, **change}}), encoding="utf-8"
        )
        problems += ended(call(capsys, "--store", str(inside / "in.db"), "records", "import", "in.json"))
    # No command line can hold a zero, nor a half character that stands for no byte.
    name = text[:3000].replace("\0", "").replace("\ud800", "")
    return problems + ended(call(capsys, "--store", str(inside / "in.db"), "records", "import", name))


def try_files(trial: Trials, cases: Sequence[File], inside: Path, capsys: Any) -> None:
    """Every file at the door of `records import`."""
    with open_store(inside / "good.db") as store:
        stored = record_of(store, "plain")
        good = {**document(stored), "frames": frames_data(stored.raw)}
    for i, case in enumerate(cases):
        folder = inside / f"file{i}"
        folder.mkdir()
        path = case.make(folder, good)
        at = str(folder / "to.db")
        trial(
            "import of a file",
            f"{case.kind}, {case.name}",
            ended(call(capsys, "--store", at, "records", "import", str(path))),
        )
        if Path(at).exists():
            trial(
                "list after import", f"{case.kind}, {case.name}", ended(call(capsys, "--store", at, "records", "list"))
            )


def try_links(trial: Trials, cases: Sequence[Link], inside: Path, outside: Path, capsys: Any) -> None:
    """Every link where a command is to write, unasked and with --overwrite."""
    at = str(inside / "links.db")
    with open_store(at) as store:
        record_of(store, "plain")
    targets = {
        "export csv": ("records", "export", "last", "-o", "{}.csv"),
        "export json": ("records", "export", "last", "-o", "{}.json"),
        "export parquet": ("records", "export", "last", "-o", "{}.parquet"),
        "report html": ("records", "report", "last", "-o", "{}.html"),
        "report svg": ("records", "report", "last", "-o", "{}.svg"),
        "backup": ("records", "backup", "{}.db"),
        "export --all": ("records", "export", "--all", "-f", "csv", "-o", "{}/samples"),
    }
    before = tree(outside)
    for i, case in enumerate(cases):
        for door, arguments in targets.items():
            for more in ((), ("--overwrite",)):
                folder = inside / f"{i}{door.replace(' ', '')}{len(more)}"
                folder.mkdir()
                name = folder / "x"
                words = [word.format(name) for word in arguments]
                if door == "export --all":
                    words[-1] = str(folder)
                    case.lay(folder / "samples", outside)
                else:
                    case.lay(Path(words[-1]), outside)
                problems = ended(call(capsys, "--store", at, *words, *more))
                if tree(outside) != before:
                    problems.append("something outside was touched")
                trial(f"{door} onto a link", f"{case.name} {more}", problems)


def try_lengths(trial: Trials, inside: Path, capsys: Any) -> None:
    """The largest numbers in every field that has 32 bits."""
    at = str(inside / "lengths.db")
    with open_store(at) as store:
        plain = record_of(store, "plain")
        for length in LENGTHS:
            program = replace(synthetic.PROGRAM, dose_count=255, dose_nl=length) if length else Program()
            fields = {"boot_id": length, "started_ms": length, "started_unix": length, "session": length & 0xFFFF}
            head = RecordHead(**{**{f: getattr(synthetic.HEAD, f) for f in ("format", "schema_hash", "uid")}, **fields})
            head = replace(head, program=program.pack())
            said = [
                Event(65535, length, 200, 2**31 - 1, -(2**31)),
                Tele(uptime_ms=length, energy_j=length, dosed_nl=length, session_s=65535, wall_cdeg=-32768),
            ]
            record = store.add_device_record(SessionMeta(head), synthetic.wire([head, *said]))
            stored = store.get(record)
            exported(trial, str(length), stored, inside)
            reported(trial, str(length), stored, store, plain)
            for words in (("show", record), ("list",), ("stats",), ("compare", record, plain.entry.id)):
                trial(f"records {words[0]}", str(length), ended(call(capsys, "--store", at, "records", *words)))


def try_all(folder: Path, capsys: Any, texts: Sequence[Text], files: Sequence[File], links: Sequence[Link]) -> Trials:
    """These cases, and the lengths, at every door."""
    trial = Trials()
    with room(folder) as (inside, outside):
        try_texts(trial, texts, inside, capsys)
        try_files(trial, files, inside, capsys)
        try_links(trial, links, inside, outside, capsys)
        try_lengths(trial, inside, capsys)
    return trial
