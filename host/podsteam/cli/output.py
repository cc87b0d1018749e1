# SPDX-License-Identifier: Apache-2.0
"""The one place that prints results: text for people, one JSON document, or JSON lines. All of it on stdout."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import click

from podsteam.cli.answer import Answer, Data, Stream
from podsteam.cli.base import Settings
from podsteam.errors import UsageProblem

VERSION = 1
"""Version of the JSON documents; new keys do not change it."""


def show(result: Any, settings: Settings) -> None:
    """Print what a command returned."""
    if settings.json and settings.jsonl:
        raise UsageProblem("Choose either --json or --jsonl.")
    try:
        if isinstance(result, Stream):
            _show_stream(result, settings)
        elif isinstance(result, Answer):
            _show_answer(result, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        hush()


def hush() -> None:
    """Whoever read our output has gone, as `head` does: nothing is left to say, and nobody to say it to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_answer(answer: Answer, settings: Settings) -> None:
    if settings.json:
        click.echo(json.dumps({"v": VERSION, **answer.data}, indent=2))
    elif settings.jsonl:
        for item in answer.data[answer.items] if answer.items else [answer.data]:
            click.echo(_line(item))
    else:
        for line in answer.text(answer.data):
            _echo(line)
    if answer.problem is not None:
        raise answer.problem


def _show_stream(stream: Stream, settings: Settings) -> None:
    if settings.json:
        raise UsageProblem("This command gives a stream, which is no one document; use --jsonl.")
    for item in stream.items:
        if settings.jsonl:
            emit(item)
        elif (line := stream.text(item)) is not None:
            _echo(line)
            sys.stdout.flush()


def _echo(line: str) -> None:
    """Print text, also where only ASCII can be shown."""
    from podsteam.words import ascii_only

    encoding = (sys.stdout.encoding or "ascii").lower()
    click.echo(line if "utf" in encoding else ascii_only(line))


def emit(item: Data) -> None:
    """Print one item as a JSON line, now."""
    click.echo(_line(item))
    sys.stdout.flush()


def _line(item: Data) -> str:
    return json.dumps({"v": VERSION, **item}, separators=(",", ":"))


def width() -> int | None:
    """Columns to stay within; None for a pipe or a file, where a line is a line."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return None
    return max(20, shutil.get_terminal_size().columns)


def fields(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Names and values in two columns, long values wrapped."""
    rows = list(pairs)
    left = max((len(name) for name, _ in rows), default=0) + 2
    lines: list[str] = []
    for name, value in rows:
        lines += _wrapped(f"{name:<{left}}", value)
    return lines


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns under headings. The last column is wrapped; numbers keep to the right by themselves."""
    if not rows:
        return []
    columns = range(len(heads))
    sizes = [max(len(heads[i]), *(len(row[i]) for row in rows)) for i in columns]
    lines: list[str] = []
    for row in (heads, *rows):
        start = "".join(f"{row[i]:<{sizes[i]}}  " for i in columns[:-1])
        lines += _wrapped(start, row[-1])
    return lines


def _wrapped(start: str, value: str) -> list[str]:
    limit = width()
    if limit is None or len(start) + len(value) <= limit or limit - len(start) < 16:
        return [(start + value).rstrip()]
    parts = textwrap.wrap(value, limit - len(start)) or [""]
    return [(start + parts[0]).rstrip(), *(" " * len(start) + part for part in parts[1:])]
