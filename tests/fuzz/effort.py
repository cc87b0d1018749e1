# SPDX-License-Identifier: Apache-2.0
"""How many examples of a property are tried: as many as its test says, twenty times as many with
`HYPOTHESIS_PROFILE=fuzz`. Hypothesis itself lets a test's own number stand in every profile."""

import os
from typing import Any

from hypothesis import settings

EFFORT = 20 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 1


def tries(examples: int, **more: Any) -> settings:
    """Settings with so many examples; a decorator."""
    return settings(max_examples=EFFORT * examples, **more)
