# SPDX-License-Identifier: Apache-2.0
"""Allergens by name and as the bits that tags and devices have."""

import difflib
from collections.abc import Iterable

from podsteam.errors import UsageProblem
from podsteam.text import safe
from podsteam_protocol.podlet_table import ALLERGENS

ALL = (1 << len(ALLERGENS)) - 1


def mask_of(names: Iterable[str]) -> int:
    """The bits of these names, in any case; "all" is every one. Raises UsageProblem for a name that there is not."""
    mask = 0
    known = {name.lower(): bit for bit, name in enumerate(ALLERGENS)}
    for name in names:
        wanted = name.strip().lower()
        if wanted == "all":
            mask |= ALL
        elif wanted in known:
            mask |= 1 << known[wanted]
        else:
            near = difflib.get_close_matches(wanted, known, 1)
            hint = f" Do you mean {ALLERGENS[known[near[0]]]}?" if near else f" There are: {', '.join(ALLERGENS)}."
            raise UsageProblem(f"'{safe(name)}' is no allergen that a podlet can tell.{hint}")
    return mask


def names_of(mask: int) -> list[str]:
    """The names of these bits."""
    return [name for bit, name in enumerate(ALLERGENS) if mask >> bit & 1]


def changed(before: int, more: int, less: int, clear: bool) -> int:
    """The list after a change."""
    return (0 if clear else before) & ~less | more
