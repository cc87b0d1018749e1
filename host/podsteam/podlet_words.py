# SPDX-License-Identifier: Apache-2.0
"""What is left of a podlet, in a sentence: how many doses, and until when."""

import datetime
from typing import Any


def left_in_words(judged: dict[str, Any], label: dict[str, Any] | None) -> str:
    """The sentence; empty when nothing can be told. `judged`: what the device says, {}: there is none.

    `label`: what the tag says (`podlet.read_tag`).
    """
    if not label or label["problem"]:
        return ""
    count = label["dose_count"]
    if not isinstance(count, int):
        return ""
    used: dict[str, Any] = label["used"] or {"doses": 0, "first_use": None}
    left: int = judged["doses_left"] if judged.get("dose_uL") else max(0, count - used["doses"])
    dose = judged.get("dose_uL") or (label["dose_nl"] or 0) / 1000
    if not left:
        return f"None of its {count} doses is left."
    doses = "1 dose" if left == 1 else f"{left} doses"
    return f"{doses} of {dose:g} µL left{_until(label, used['first_use'])}."


def _until(label: dict[str, Any], first_use: str | None) -> str:
    """ ", good until ..." """
    last = _date(label["expires"])
    days = label["pao_days"]
    opened = _date(first_use)
    if isinstance(days, int) and opened and opened.year > 1970:
        after = opened + datetime.timedelta(days=min(days, 36_500))
        last = min(last, after) if last else after
    text = f", good until {last.isoformat()}" if last else ", with no date by which to use them"
    if isinstance(days, int) and days > 0 and not (opened and opened.year > 1970):
        text += f" and for {days} days after the first use"
    return text


def _date(text: object) -> datetime.date | None:
    return datetime.date.fromisoformat(text) if isinstance(text, str) and text else None
