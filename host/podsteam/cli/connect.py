# SPDX-License-Identifier: Apache-2.0
"""From the global options to an open device, and what the user should know about it on stderr."""

import os
from typing import TYPE_CHECKING

import click

from podsteam.cli.base import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from podsteam.client import Device
    from podsteam.trace import Chunk


def port_given(settings: Settings) -> bool:
    """Whether the user has named a port, by option, environment or preferences."""
    from podsteam.preferences import load
    from podsteam.transport.find import ENVIRONMENT

    return bool(settings.port or os.environ.get(ENVIRONMENT) or load().port)


def note(text: str) -> None:
    """A line for the person, on stderr."""
    click.echo(text, err=True)


def asked_for_the_button(device: "Device", press: bool, why: str) -> "Callable[[int], None]":
    """What asks for a press of the unit's button when it wants one. `press`: a simulated board's is pressed."""
    from podsteam.transport import sim

    def ask(left_s: int) -> None:
        if press:
            sim.press(device.port)
        else:
            note(f"Press and release the button on the unit within {left_s} s: {why}.")

    return ask


def open_device(settings: Settings, seen: "Callable[[Chunk], None] | None" = None) -> "Device":
    """The device that the options name, greeted. Use it in a `with` block.

    With `--trace` what crosses the line goes into that file; `seen` is given each chunk of it too.
    """
    from podsteam.client import Device
    from podsteam.transport import find
    from podsteam.wire import messages as m

    port = find.resolve(settings.port)
    if settings.verbose:
        note(f"Opening {port}")
    takers = _takers(settings, port, seen)
    opened = find.open_port(port)

    def tap(way: str, data: bytes) -> None:
        from podsteam.trace import Chunk

        chunk = Chunk(opened.clock.now(), way, data)
        for take in takers:
            take(chunk)

    device = Device(opened, find.Reopened(port), tap if takers else None)
    hello = device.hello
    if hello.minor > m.MINOR:
        note(f"The device speaks the newer protocol {hello.major}.{hello.minor}; some of it is not shown.")
    if settings.verbose:
        trip_ms = device.link.round_trips.smoothed_s * 1000
        note(f"Unit {hello.uid.hex()}, boot {device.link.boot_id:08x}, round trip {trip_ms:.1f} ms")
    return device


def _takers(settings: Settings, port: str, seen: "Callable[[Chunk], None] | None") -> "list[Callable[[Chunk], None]]":
    takers = [seen] if seen is not None else []
    if settings.trace:
        from pathlib import Path

        from podsteam.trace import Recorder

        recorder = Recorder(Path(settings.trace), port)
        click.get_current_context().call_on_close(recorder.close)
        takers.append(recorder.take)
    return takers
