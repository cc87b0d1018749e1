# SPDX-License-Identifier: Apache-2.0
"""`tune`: let the device identify its boiler in one heat-up."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command, settings_of

if TYPE_CHECKING:
    from podsteam.client import Device
    from podsteam.errors import PodsteamError
    from podsteam.session import Outcome
    from podsteam.wire import messages as m

_VALUES = (
    ("metal_j_k", "heat capacity of the metal", "J/K", 1),
    ("water_j_k", "heat capacity of the water", "J/K", 1),
    ("loss_mw_k", "loss to the room", "W/K", 1000),
    ("delay_ms", "delay to the water's reading", "s", 1000),
    ("lag_ds", "time constant from wall to water", "s", 10),
    ("residual_j", "left over in the energy balance", "J", 1),
    ("hold_gain_dw_k", "keep-warm gain", "W/K", 10),
    ("hold_integral_ds", "keep-warm integral time", "s", 10),
    ("hold_derivative_ds", "keep-warm derivative time", "s", 10),
)
"""Field of TUNE_GET, its name for people, unit, and what makes that unit of it."""
_GAINS = ("hold_gain_dw_k", "hold_integral_ds", "hold_derivative_ds")
_STORE_S = 5.0
"""Device time for the record of the session and the new values to be in flash."""


@click.command(cls=Command)
@click.option("--press", is_flag=True, help="Press the button; simulated boards only.")
@click.pass_context
def tune(ctx: click.Context, press: bool) -> Answer:
    """Identify the boiler in one heat-up from cold, and tune its controller to it.

    Fill it as usual and let it be cold. Arms the device; its own button starts it, and it ends by itself. Shows what
    was found beside the values from before. When it fails, those stay in use.
    """
    from podsteam.cli.connect import open_device
    from podsteam.cli.run import SessionCall
    from podsteam.wire import messages as m

    program = m.Program(name=b"tune".ljust(16, b"\0"), warm_up_max_s=900, end_cdeg=6000)
    call = SessionCall(settings_of(ctx), press=press)
    with open_device(settings_of(ctx)) as device:
        old = device.tune_values()
        outcome, data = call.conduct(device, "tune", program, lambda session, armed: session.tune(armed))
        found = device.tune_values(found=True)
        new = _stored(device, found) if found.state == m.TuneValue.DONE else device.tune_values()
    data.update(_data(old, found, new))
    return Answer(data, _text, problem=_failed(found) if _is_failed(outcome) else outcome.problem())


def _stored(device: "Device", found: "m.TuneGetReply") -> "m.TuneGetReply":
    """The values in use, once the device has stored its gains, which it does when its relay is open. Raises
    IntegrityFailed."""
    from podsteam.errors import IntegrityFailed

    clock = device.port.clock
    deadline = clock.now() + device.in_clock(_STORE_S)
    while clock.now() < deadline:
        new = device.tune_values()
        if all(getattr(new, name) == getattr(found, name) for name in _GAINS):
            return new
        clock.sleep(device.in_clock(0.1))
    raise IntegrityFailed("The device found new values and could not store them; those from before stay in use.")


def _is_failed(outcome: "Outcome") -> bool:
    from podsteam.wire.messages import StopValue

    return outcome.stop_reason == StopValue.TUNE_FAILED and not outcome.interrupted


def _failed(found: "m.TuneGetReply") -> "PodsteamError":
    from podsteam import words
    from podsteam.errors import EndedEarly

    reason = words.word(words.TUNE_REASON, found.reason)
    return EndedEarly(
        f"The boiler could not be identified (TUNE_FAILED): {reason}; the values from before stay in use."
    )


def _data(old: "m.TuneGetReply", found: "m.TuneGetReply", new: "m.TuneGetReply") -> Data:
    from podsteam.cli.views import enum_name
    from podsteam.wire import messages as m

    def value(reply: m.TuneGetReply, field: str, scale: int) -> float | None:
        return getattr(reply, field) / scale or None

    return {
        "tune": enum_name(m.TuneValue, found.state),
        "reason": enum_name(m.TuneReasonValue, found.reason),
        "values": [
            {
                "field": field,
                "name": name,
                "unit": unit,
                "old": value(old, field, scale),
                "found": value(found, field, scale),
                "new": value(new, field, scale),
            }
            for field, name, unit, scale in _VALUES
        ],
    }


def _text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table
    from podsteam.cli.run import record_line

    yield from record_line(data)
    rows = [
        [each["name"], _number(each["old"]), _number(each["found"]), _number(each["new"]), each["unit"]]
        for each in data["values"]
    ]
    yield from table(["value", "before", "found", "in use", "unit"], rows)


def _number(value: float | None) -> str:
    return f"{value:g}" if value is not None else "-"
