# SPDX-License-Identifier: Apache-2.0
"""A shell completes commands and options."""

from pathlib import Path

import pytest
from calls import call, run

from podsteam.cli.completion import VARIABLE


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_source(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    called = call(capsys, "completion", shell)
    assert called.status == 0 and f"{VARIABLE}={shell}_complete" in called.out


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "completion", "tcsh").status == 2


def test_commands_and_options_are_completed(tmp_path: Path) -> None:
    """As bash asks, in a process of its own."""
    for words, expected in (("podsteam re", "records"), ("podsteam records ve", "verify")):
        count = str(len(words.split()) - 1)
        done = run(tmp_path, **{VARIABLE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": count})
        assert f"plain,{expected}" in done.out.splitlines()
