# SPDX-License-Identifier: Apache-2.0
"""What a command returns: data, and how a person would read it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from podsteam.errors import PodsteamError

Data = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """One result. `text` turns the data into lines for a person."""

    data: Data
    text: Callable[[Data], Iterable[str]]
    items: str = ""
    """Key of the list whose entries `--jsonl` prints one by one; "": the whole answer is one line."""
    problem: PodsteamError | None = None
    """Reported after the data, and decides the exit status: the command gave a result, but not a good one."""


@dataclass(frozen=True)
class Stream:
    """Results that come one after the other. `text` makes a line of one of them, or None to show nothing."""

    items: Iterator[Data]
    text: Callable[[Data], str | None]
