# SPDX-License-Identifier: Apache-2.0
"""Click, shaped: global options that work before and after the command, and subcommands loaded when they are called."""

import importlib
from typing import Any

import click

_PORT = "Path, unit:, id:, usb:, socket://, sim or sim:NAME."


class Settings:
    """The global options of one call. The one nearest to the end of the command line counts."""

    def __init__(self) -> None:
        self.port = ""
        self.ports: list[str] = []
        """The ports of a command that takes several; `port` is the last."""
        self.json = False
        self.jsonl = False
        self.store = ""
        self.trace = ""
        self.verbose = 0
        self.no_color = False

    @property
    def machine(self) -> bool:
        """Whether the output is for a program."""
        return self.json or self.jsonl


def settings_of(ctx: click.Context) -> Settings:
    """The settings of this call."""
    return ctx.ensure_object(Settings)


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    settings = settings_of(ctx)
    if param.multiple:
        settings.ports = [port for port in value if port]
        value = settings.ports[-1] if settings.ports else ""
    if value and param.name:
        setattr(settings, param.name, value)


def global_options(several_ports: bool = False) -> list[click.Option]:
    """A new set of the options that every command takes."""
    table: tuple[tuple[list[str], dict[str, Any]], ...] = (
        (["--port", "-p"], {"metavar": "PORT", "multiple": several_ports, "help": _PORT}),
        (["--json"], {"is_flag": True, "help": "Print one JSON document."}),
        (["--jsonl"], {"is_flag": True, "help": "Print JSON lines, one for each item."}),
        (["--store"], {"metavar": "FILE", "help": "The record store to use."}),
        (["--trace"], {"metavar": "FILE", "help": "Keep what crosses the line in FILE; `link trace FILE` shows it."}),
        (["--verbose", "-v"], {"count": True, "help": "Say more on stderr; show tracebacks."}),
        (["--no-color"], {"is_flag": True, "help": "No colours (so does NO_COLOR=1)."}),
    )
    return [click.Option(names, callback=_remember, expose_value=False, **more) for names, more in table]


class _Shaped(click.Command):
    """What commands and groups share."""

    def __init__(self, *args: Any, several_ports: bool = False, **more: Any) -> None:
        """`several_ports`: --port may be given more than once."""
        super().__init__(*args, **more)
        self.params += global_options(several_ports)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Own options in full, the global ones in a line, unless this is the root."""
        named = [record for param in self.get_params(ctx) if (record := param.get_help_record(ctx)) is not None]
        count = len(global_options())
        own = [*named[: -count - 1], named[-1]] if ctx.parent is not None else named
        with formatter.section("Options"):
            formatter.write_dl(own)
        if ctx.parent is not None:
            formatter.write_paragraph()
            formatter.write_text(
                "Also: --port, --json, --jsonl, --store, --trace, -v, --no-color (see podsteam --help)."
            )


class Command(_Shaped):
    """A command that takes the global options too."""


class Group(_Shaped, click.Group):
    """A group of commands, each of which takes the global options, as does the group."""

    command_class = Command
    group_class = type

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Options, then the commands."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name in the error."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            from difflib import get_close_matches

            from podsteam.text import safe

            near = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean '{near[0]}'?" if near else f" '{ctx.command_path} --help' lists them."
            raise click.UsageError(f"There is no command '{safe(name, 60)}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """A group whose commands are named in a table and imported when one of them is called.

    `table` maps a command's name to (module, attribute, short help).
    """

    def __init__(self, *args: Any, table: dict[str, tuple[str, str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The table's names, in its order."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        entry = self._table.get(cmd_name)
        if entry is None:
            return None
        module, attribute, _ = entry
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in self._table.items()])
