# SPDX-License-Identifier: Apache-2.0
"""`completion`: what a shell needs to complete commands and options."""

import click

from podsteam.cli.answer import Answer
from podsteam.cli.base import Command

VARIABLE = "_PODSTEAM_COMPLETE"
"""Set by the shell's function when it asks for completions."""
_WHERE = {
    "bash": "~/.bashrc",
    "zsh": "~/.zshrc",
    "fish": "~/.config/fish/completions/podsteam.fish",
}


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(list(_WHERE)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> Answer:
    """Print the completion of SHELL: put the output into ~/.bashrc, ~/.zshrc or fish's completions."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    source = kind(ctx.find_root().command, {}, "podsteam", VARIABLE)
    text = source.source_template % source.source_vars()
    return Answer({"shell": shell, "file": _WHERE[shell], "source": text}, lambda data: [data["source"]])
