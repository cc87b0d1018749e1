# SPDX-License-Identifier: Apache-2.0
"""`link`: how good the line to the device is."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from podsteam.cli.answer import Answer, Data, Stream
from podsteam.cli.base import Group, Settings, settings_of

_PINGS = 20
_BLOB_BYTES = 16_384
_NUMBER = 65_535
"""The blob that a bench pushes, and deletes again."""


@click.group(cls=Group)
def link() -> None:
    """How good the line to the device is, and what crosses it."""


@link.command()
@click.pass_context
def stats(ctx: click.Context) -> Answer:
    """Greet the device, ask it for its state twenty times, and tell what the line did with that."""
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        clock = device.port.clock
        trips: list[float] = []
        for _ in range(_PINGS):
            start = clock.now()
            device.status()
            trips.append(clock.now() - start)
        data: Data = {
            "round_trip_ms": {
                "least": _ms(min(trips)),
                "middle": _ms(sorted(trips)[_PINGS // 2]),
                "most": _ms(max(trips)),
            },
            "requests": _PINGS + 1,
            "repeated": device.link.retries,
            "stray_bytes": len(device.link.stray),
            "receive_buffer_bytes": device.hello.rx_window,
        }

    def text(data: Data) -> Iterable[str]:
        from podsteam.cli.output import fields

        trip = data["round_trip_ms"]
        return fields(
            [
                ("Round trip", f"{trip['least']} to {trip['most']} ms, {trip['middle']} ms in the middle"),
                ("Repeated", f"{data['repeated']} of {data['requests']} requests"),
                ("Stray", f"{data['stray_bytes']} bytes that were no frame"),
                ("Buffer", f"{data['receive_buffer_bytes']} bytes in the device's receive ring"),
            ]
        )

    return Answer(data, text)


@link.command()
@click.option("--baud", type=click.IntRange(0), default=921_600, show_default=True, help="Raise the line no further.")
@click.pass_context
def bench(ctx: click.Context, baud: int) -> Answer:
    """Push 16 KiB to the device and pull it back, proved by SHA-256, and compare the clocks.

    Large transfers raise the line's rate as far as device and adapter can, and so does this.
    Writes to the device's flash and deletes that again; refused while a session runs.
    """
    import random

    from podsteam import bulk
    from podsteam.cli.connect import open_device
    from podsteam.clocksync import measure
    from podsteam.rate import raised
    from podsteam.transport.port import Rated
    from podsteam.wire import messages as m

    with open_device(settings_of(ctx)) as device:
        device.most_baud = baud
        clock = device.port.clock
        blob = random.Random(0).randbytes(_BLOB_BYTES)
        found = measure(device)
        with raised(device, _BLOB_BYTES):
            rate = device.port.baud if isinstance(device.port, Rated) else None
            start = clock.now()
            bulk.push(device, m.BlobValue.INBOX, _NUMBER, blob)
            pushed = clock.now()
            bulk.pull(device, m.BlobValue.INBOX, _NUMBER)
            pulled = clock.now()
        device.request(m.BlobDeleteRequest(m.BlobValue.INBOX, _NUMBER), m.BlobDeleteReply)
        data: Data = {
            "baud": rate,
            "bytes": _BLOB_BYTES,
            "push_bytes_per_s": round(_BLOB_BYTES / (pushed - start)),
            "pull_bytes_per_s": round(_BLOB_BYTES / (pulled - pushed)),
            "clock_delay_ms": _ms(found.delay_s),
            "repeated": device.link.retries,
        }

    def text(data: Data) -> Iterable[str]:
        from podsteam.cli.output import fields

        return fields(
            [
                ("Rate", "a connection has none" if data["baud"] is None else f"{data['baud']} baud"),
                ("Push", f"{data['push_bytes_per_s']} bytes/s"),
                ("Pull", f"{data['pull_bytes_per_s']} bytes/s"),
                ("Clock", f"compared within {data['clock_delay_ms'] / 2 + 1:.1f} ms"),
                ("Repeated", f"{data['repeated']} requests"),
            ]
        )

    return Answer(data, text)


@link.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@click.option("--period", default=1.0, show_default=True, help="Device time between measurements, 0.05 to 10 s.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many frames.")
@click.pass_context
def trace(ctx: click.Context, file: str | None, period: float, count: int | None) -> Stream:
    """Show every frame on the line: time, direction, message, fields, and what arrives damaged.

    With FILE, that of a recorded trace, as `--trace FILE` makes it with most commands. Without FILE, live, with the
    greeting, the state and measurements, until Ctrl-C.
    """
    from podsteam.errors import UsageProblem
    from podsteam.trace import line

    if not 0.05 <= period <= 10:
        raise UsageProblem(f"--period is {period:g}, but must be 0.05 to 10 s.")
    if file is not None:
        return Stream(_first(_kept(Path(file)), count), line)
    return Stream(_first(_live(settings_of(ctx), round(period * 1000)), count), line)


def _first(items: Iterator[Data], count: int | None) -> Iterator[Data]:
    from itertools import islice

    return items if count is None else islice(items, count)


def _kept(file: Path) -> Iterator[Data]:
    from podsteam.trace import decoded, read

    return decoded(read(file))


def _live(settings: Settings, period_ms: int) -> Iterator[Data]:
    from podsteam.cli.connect import open_device
    from podsteam.cli.signals import stop_signals
    from podsteam.errors import PodsteamError
    from podsteam.trace import Chunk, Decoder

    decoder = Decoder()
    chunks: list[Chunk] = []

    def seen() -> Iterator[Data]:
        while chunks:
            yield from decoder.feed(chunks.pop(0))

    try:
        with open_device(settings, chunks.append) as device, stop_signals() as leave:
            device.follow()
            device.subscribe(period_ms)
            while not leave():
                yield from seen()
                device.poll(0.25)
    except PodsteamError:
        # What came before it shows why.
        yield from seen()
        yield from decoder.finish()
        raise


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
