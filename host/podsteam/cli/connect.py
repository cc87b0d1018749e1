# SPDX-License-Identifier: Apache-2.0
"""From the global options to an open device, and what the user should know about it on stderr."""

import os
from typing import TYPE_CHECKING

import click

from podsteam.cli.base import Settings

if TYPE_CHECKING:
    from podsteam.client import Device


def port_given(settings: Settings) -> bool:
    """Whether the user has named a port, by option, environment or preferences."""
    from podsteam.preferences import load
    from podsteam.transport.find import ENVIRONMENT

    return bool(settings.port or os.environ.get(ENVIRONMENT) or load().port)


def note(text: str) -> None:
    """A line for the person, on stderr."""
    click.echo(text, err=True)


def open_device(settings: Settings) -> "Device":
    """The device that the options name, greeted. Use it in a `with` block."""
    from podsteam.client import Device
    from podsteam.transport import find
    from podsteam.wire import messages as m

    port = find.resolve(settings.port)
    if settings.verbose:
        note(f"Opening {port}")
    device = Device(find.open_port(port), lambda unit: find.reopen_port(port, unit))
    hello = device.hello
    if hello.minor > m.MINOR:
        note(f"The device speaks the newer protocol {hello.major}.{hello.minor}; some of it is not shown.")
    if settings.verbose:
        trip_ms = device.link.round_trips.smoothed_s * 1000
        note(f"Unit {hello.uid.hex()}, boot {device.link.boot_id:08x}, round trip {trip_ms:.1f} ms")
    return device
