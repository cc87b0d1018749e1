# SPDX-License-Identifier: Apache-2.0
"""The full-screen view in a real terminal of 80x24: whole in every picture, no row wrapped, no event lost."""

import re
from pathlib import Path

import pytest
from commands import served
from tmux_view import TMUX, see_through, watching

pytestmark = pytest.mark.skipif(TMUX is None, reason="tmux is not installed")

COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:[349][0-7]|[34]8;[0-9;]+)(?:;[0-9;]*)?m")


def test_a_session_at_80x24_without_colour(tmp_path: Path) -> None:
    with (
        served(tmp_path, "--link", "pty", "--speed", "60", "--seed", "3") as board,
        watching(tmp_path, board["link"]) as terminal,
    ):
        seen = see_through(tmp_path, board, terminal, "express")
        sent = terminal.sent()
    assert seen.problems == [] and len(seen.pictures) > 10
    assert seen.record is not None and len(seen.record.events) > 10
    assert seen.missing == []
    assert not COLOUR.search(sent)
    assert sent.count(b"\x1b[?1049h") == sent.count(b"\x1b[?1049l") == 1
