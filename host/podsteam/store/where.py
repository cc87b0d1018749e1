# SPDX-License-Identifier: Apache-2.0
"""Choosing sessions: `subject=P07`, `program!=rinse`, `since=2026-11-01`."""

from collections.abc import Callable, Iterable
from datetime import datetime

from podsteam.errors import UsageProblem
from podsteam.store.model import Entry
from podsteam.text import safe

_FIELDS: dict[str, Callable[[Entry], str]] = {
    "unit": lambda entry: entry.uid,
    "program": lambda entry: entry.program,
    "state": lambda entry: entry.state,
    "source": lambda entry: entry.source,
    "podlet": lambda entry: entry.podlet_uid,
    "firmware": lambda entry: entry.firmware,
}
"""Names that are no tags."""

Condition = Callable[[Entry], bool]


def condition(text: str) -> Condition:
    """What one `--where` asks for: a field or a tag with `=` or `!=`, or `since=` and `until=` with a time.

    Raises UsageProblem.
    """
    name, sign, value = text.partition("!=")
    wanted = False
    if not sign:
        name, sign, value = text.partition("=")
        wanted = True
    name = name.strip()
    if not sign or not name:
        raise UsageProblem(
            f"'{safe(text, 60)}' is no condition; write NAME=VALUE or NAME!=VALUE with a tag or one of"
            f" {', '.join(_FIELDS)}, or since=TIME, until=TIME."
        )
    if name in ("since", "until") and wanted:
        return _time(name, value)
    field = _FIELDS.get(name)
    if field is not None:
        return lambda entry: (field(entry) == value) is wanted
    return lambda entry: (entry.tags.get(name) == value) is wanted


def _time(name: str, value: str) -> Condition:
    try:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError) as e:
        raise UsageProblem(f"'{safe(value, 40)}' is no time; write it as 2026-11-01 or 2026-11-01T08:00+01:00.") from e
    if name == "since":
        return lambda entry: (entry.started or entry.stored) >= moment
    return lambda entry: (entry.started or entry.stored) < moment


def chosen(entries: Iterable[Entry], where: Iterable[str]) -> list[Entry]:
    """The sessions that meet every condition. Raises UsageProblem for one that is none."""
    conditions = [condition(text) for text in where]
    return [entry for entry in entries if all(holds(entry) for holds in conditions)]
