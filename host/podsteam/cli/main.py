# SPDX-License-Identifier: Apache-2.0
"""The entry point of the `podsteam` command: the table of commands, and the end of every call.

Only click is imported here, so that `podsteam --help` is quick.
"""

import io
import os
import sys
from typing import Any

import click

from podsteam import __version__
from podsteam.cli.base import LazyGroup, Settings
from podsteam.errors import STATUSES, PodsteamError

_TABLE = {
    "demo": ("podsteam.cli.demo", "demo", "Watch a whole session on a simulated board."),
    "devices": ("podsteam.cli.devices", "devices", "List what a device could be connected to."),
    "doctor": ("podsteam.cli.doctor", "doctor", "Find the usual troubles, and what mends them."),
    "info": ("podsteam.cli.devices", "info", "Show what runs on the device."),
    "status": ("podsteam.cli.devices", "status", "Show the device's state."),
    "selftest": ("podsteam.cli.selftest", "selftest", "Show what the device's self-test found."),
    "watch": ("podsteam.cli.watch", "watch", "See what a device does, live."),
    "explain": ("podsteam.cli.explain", "explain", "Explain an error or fault code."),
    "session": ("podsteam.cli.session", "session", "Run, stop, pause, resume a session."),
    "tune": ("podsteam.cli.tune", "tune", "Identify the boiler in one heat-up."),
    "calibrate": ("podsteam.cli.calibrate", "calibrate", "Calibrate sensors and steam; tell of a descaling."),
    "program": ("podsteam.cli.program", "program", "Session programs: write, check, send."),
    "config": ("podsteam.cli.config", "config", "The device's settings: show, change, apply a file."),
    "clock": ("podsteam.cli.clock", "clock", "The device's wall clock: show, set."),
    "link": ("podsteam.cli.link", "link", "How good the line to the device is."),
    "log": ("podsteam.cli.log", "log", "What the device has noted about itself."),
    "podlet": ("podsteam.cli.podlet", "podlet", "Podlets: read the one in the holder, make, sign, check, empty."),
    "records": ("podsteam.cli.records", "records", "Session records: fetch, show, plot, export."),
    "flash": ("podsteam.cli.flash", "flash", "Make a running unit of a bare ESP32."),
    "board": ("podsteam.cli.flash", "board", "Boards to flash, and their wiring."),
    "provision": ("podsteam.cli.provision", "provision", "Test units as they are made, give serials, keep records."),
    "line": ("podsteam.cli.line", "line", "The operator's screen of a production line."),
    "update": ("podsteam.cli.update", "update", "Install a signed update over the link."),
    "rollback": ("podsteam.cli.update", "rollback", "Go back to the application before."),
    "release": ("podsteam.cli.update", "release", "For makers: build, sign, check updates."),
    "preferences": ("podsteam.cli.preferences", "preferences", "This computer's port, store and tags, and whence."),
    "schema": ("podsteam.cli.schema", "schema", "JSON Schemas of what the commands print."),
    "completion": ("podsteam.cli.completion", "completion", "Completion for bash, zsh or fish."),
    "sim": ("podsteam.cli.sim", "sim", "Simulated boards: serve one, act on it."),
}

_EPILOG = "Exit statuses:\n\n\b\n" + "\n".join(f"  {status:>3}  {meaning}" for status, meaning in STATUSES)


def _print(result: Any, **_: Any) -> None:
    from podsteam.cli import output

    output.show(result, click.get_current_context().ensure_object(Settings))


@click.group(cls=LazyGroup, table=_TABLE, epilog=_EPILOG, result_callback=_print)
@click.version_option(__version__, message="podsteam %(version)s")
def root() -> None:
    """Steer, test and record a podsteam: a home facial steamer with podlets.

    Global options may stand before or after the command. PODSTEAM_PORT and PODSTEAM_STORE, then
    `podsteam preferences`, say what --port and --store do not.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its status. Everything that goes wrong ends here, in one sentence on stderr."""
    settings = Settings()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        root.main(arguments, "podsteam", standalone_mode=False, obj=settings, terminal_width=_help_width())
        sys.stdout.flush()
        status = 0
    except click.exceptions.Exit as e:
        status = e.exit_code
    except click.ClickException as e:
        e.show()
        status = e.exit_code
    except PodsteamError as e:
        _complain(str(e), settings)
        status = e.status
    except (KeyboardInterrupt, click.Abort):
        _complain("Interrupted.", settings)
        status = 130
    except Exception as e:
        _complain(f"Internal error, {type(e).__name__}: {e} (-v shows where; please report it).", settings)
        status = 1
    sys.exit(status)


def _help_width() -> int:
    """Columns for help texts. As click does it, but without importing shutil, which takes a tenth of the time."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return max(50, min(int(columns), 100) - 2)
    try:
        return max(50, min(os.get_terminal_size(sys.stdout.fileno()).columns, 100) - 2)
    except (OSError, ValueError):
        return 78


def _complain(sentence: str, settings: Settings) -> None:
    if settings.verbose:
        import traceback

        traceback.print_exc()
    from podsteam.text import safe

    # It may name a file, and whoever named that file may have meant harm.
    click.echo(f"podsteam: {safe(sentence, 4000)}", err=True)


if __name__ == "__main__":
    main()
