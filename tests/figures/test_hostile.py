# SPDX-License-Identifier: Apache-2.0
"""Every hostile case at every door."""

from collections.abc import Callable
from pathlib import Path

import answers
import pytest
from hostile_cases import FILES, LINKS, TEXTS, counts
from hostile_doors import try_all

RecordFigure = Callable[[str, float, str, str, bool, str], None]


def test_nothing_gets_out(tmp_path: Path, capsys: pytest.CaptureFixture[str], record_figure: RecordFigure) -> None:
    # What they answer as JSON is held to their schemas.
    answers.watch()
    trial = try_all(tmp_path, capsys, TEXTS, FILES, LINKS)
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts().items())
    context = (
        f"escapes of {sum(counts().values())} hostile cases ({kinds}) at {len(trial.doors)} doors, {trial.count} trials"
        " (import, each export, reports, commands, schema, live views)"
    )
    record_figure("records/hostile", len(trial.escapes), "", "0", not trial.escapes, context)
    assert trial.escapes == []
