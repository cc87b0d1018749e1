# SPDX-License-Identifier: Apache-2.0
"""`calibrate`: what is measured of one unit. Sensors at two points, steam by one weighing, the element's power."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, Settings, settings_of
from podsteam.cli.calibrate_dose import dose

if TYPE_CHECKING:
    from podsteam.calibration import Readings
    from podsteam.client import Device
    from podsteam.wire import messages as m

_REST_S = 10.0
"""Device time for which the sensors are read at rest."""
_PERIOD_MS = 250
_COOLING_S = 125.0
"""Device time after heat in which the device learns its boiler's loss, which puts its sum of the steam right."""
_SETTLE_S = 30.0
"""Verified steam before the plateau is read."""
_PLATEAU_S = 20.0


@click.group(cls=Group)
def calibrate() -> None:
    """Calibrate a unit. A wrong value is refused and the old set stays.

    What somebody typed wrong exits with 2, a measurement that cannot be right with 30. docs/calibrate.md leads through
    it.
    """


@calibrate.command()
@click.pass_context
def show(ctx: click.Context) -> Answer:
    """Show the unit's calibration."""
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        data = calibration_data(device.calibration())
    return Answer(data, lambda data: _rows([data]))


calibrate.add_command(dose)


# Sensors ----------------------------------------------------------------------------------------------------------


@calibrate.command()
@click.option("--at-rest", type=float, metavar="C", help="Low point: a reference thermometer at the cold unit, degC.")
@click.option("--altitude-m", type=float, metavar="M", help="High point: altitude above the sea, m.")
@click.option("--pressure-hpa", type=float, metavar="HPA", help="High point: air pressure at the unit, hPa.")
@click.option("--boiling-c", type=float, metavar="C", help="High point: the true boiling point, degC.")
@click.option("--program", "what", default="", metavar="NAME", help="The program to boil with; else the default one.")
@click.option("--press", is_flag=True, help="Press the button; simulated boards only.")
@click.pass_context
def sensors(
    ctx: click.Context,
    at_rest: float | None,
    altitude_m: float | None,
    pressure_hpa: float | None,
    boiling_c: float | None,
    what: str,
    press: bool,
) -> Answer:
    """Correct the sensors at one or two points.

    Low point, all three: the unit has stood cold for hours, and --at-rest is what a reference thermometer beside it
    shows. High point, the water's: the device boils water, and its plateau is compared with the true boiling point.
    """
    from podsteam import calibration as c
    from podsteam.cli.connect import note, open_device
    from podsteam.errors import UsageProblem

    settings = settings_of(ctx)
    true_c = c.boiling_point_c(altitude_m, pressure_hpa, boiling_c)
    if at_rest is None and true_c is None:
        raise UsageProblem(
            "Give --at-rest for the low point, or --altitude-m, --pressure-hpa or --boiling-c for the high."
        )
    if at_rest is not None:
        c.within("--at-rest", at_rest, c.REST_C, "degC")
    with open_device(settings) as device:
        old = new = device.calibration()
        if at_rest is not None:
            note(f"Reading the sensors at rest for {_REST_S:.0f} s.")
            new = c.at_rest(new, _read_at_rest(device), at_rest)
            device.set_calibration(new)
        if true_c is not None:
            note(f"Water boils at {true_c:.2f} degC here.")
            new = c.at_boiling(new, _read_plateau(device, settings, what, press), true_c)
            device.set_calibration(new)
    data = {"old": calibration_data(old), "new": calibration_data(new), "boiling_degC": true_c}
    return Answer(data, _text)


def _read_at_rest(device: "Device") -> "Readings":
    from podsteam import words
    from podsteam.calibration import readings
    from podsteam.errors import DeviceSilent, IntegrityFailed
    from podsteam.wire import messages as m

    state = device.follow().state
    if state != m.StateValue.IDLE:
        raise IntegrityFailed(f"The boiler is not at rest: the device is in state '{words.word(words.STATE, state)}'.")
    device.subscribe(_PERIOD_MS)
    samples: list[m.Tele] = []
    clock = device.port.clock
    deadline = clock.now() + device.in_clock(3 * _REST_S) + 2
    while len(samples) < _REST_S * 1000 / _PERIOD_MS:
        if clock.now() > deadline:
            raise DeviceSilent("The device sends too few measurements; try again on a line that is less busy.")
        samples += [message for message in device.poll(0.25) if isinstance(message, m.Tele)]
    device.subscribe(0)
    return readings(samples)


class Plateau:
    """Gathers the measurements of boiling water once it has boiled for a while."""

    def __init__(self) -> None:
        self.samples: list[m.Tele] = []
        self._since_ms: int | None = None

    def update(self, tele: "m.Tele | None") -> None:
        """Take a measurement. What comes once there are enough, the end of the session too, changes nothing."""
        from podsteam.recap import difference_ms
        from podsteam.wire.messages import FlagBits, StateValue

        if tele is None or self.enough():
            return
        if tele.state != StateValue.STEAM or not tele.flags & FlagBits.STEAM_OK:
            self._since_ms = None
            self.samples.clear()
            return
        if self._since_ms is None:
            self._since_ms = tele.uptime_ms
        if difference_ms(tele.uptime_ms, self._since_ms) >= _SETTLE_S * 1000:
            self.samples.append(tele)

    def enough(self) -> bool:
        """Whether the plateau is read."""
        from podsteam.recap import difference_ms

        samples = self.samples
        if len(samples) < 10:
            return False
        return difference_ms(samples[-1].uptime_ms, samples[0].uptime_ms) >= _PLATEAU_S * 1000


def _read_plateau(device: "Device", settings: Settings, what: str, press: bool) -> "Readings":
    from podsteam.calibration import readings
    from podsteam.cli.run import SessionCall
    from podsteam.cli.session import choose
    from podsteam.errors import IntegrityFailed

    name, program = choose(device, what)
    plateau = Plateau()
    call = SessionCall(settings, press=press)
    outcome, _ = call.conduct(device, name, program, lambda session, armed: session.run(name, armed), plateau)
    if plateau.enough():
        return readings(plateau.samples)
    raise outcome.problem() or IntegrityFailed(
        f"The program '{name}' was over before the plateau was read; it needs"
        f" {_SETTLE_S + _PLATEAU_S:.0f} s of steam or more."
    )


# Steam ------------------------------------------------------------------------------------------------------------


@calibrate.command()
@click.argument("what", metavar="[PROGRAM]", default="")
@click.option("--before", type=float, metavar="G", help="Weight of the filled unit before the session, g.")
@click.option("--after", type=float, metavar="G", help="Its weight afterwards, g.")
@click.option("--grams", type=float, metavar="G", help="The difference, instead of both.")
@click.option("--last", is_flag=True, help="Run nothing: take the session that ended last.")
@click.option("--press", is_flag=True, help="Press the button; simulated boards only.")
@click.pass_context
def steam(
    ctx: click.Context,
    what: str,
    before: float | None,
    after: float | None,
    grams: float | None,
    last: bool,
    press: bool,
) -> Answer:
    """Correct the steam by weighing one session of PROGRAM (without one, of the device's default).

    Weigh the filled unit, run, weigh it again. Asks for both weights unless they are given. At least a minute of steam
    and 5 g; three minutes and more are better.
    """
    from podsteam import calibration as c
    from podsteam.cli.connect import note, open_device
    from podsteam.cli.run import SessionCall
    from podsteam.cli.session import choose
    from podsteam.errors import UsageProblem

    settings = settings_of(ctx)
    weighed = c.weighed_g(before, after, grams)
    if weighed is None and not sys.stdin.isatty():
        raise UsageProblem(
            "Nobody can be asked here: give --grams, or --before and --after; with --last once it has run."
        )
    with open_device(settings) as device:
        old = device.calibration()
        if weighed is None and before is None:
            before = _ask("Weight of the filled unit before the session, g")
        if not last:
            name, program = choose(device, what)
            call = SessionCall(settings, press=press)
            outcome, data = call.conduct(device, name, program, lambda session, armed: session.run(name, armed))
            if (problem := outcome.problem()) is not None:
                return Answer(data, lambda _: ["The calibration stays as it was."], problem=problem)
            note(f"Weigh the unit once no more steam comes. The device watches its boiler cool for {_COOLING_S:.0f} s.")
            _wait(device, _COOLING_S)
        if weighed is None:
            weighed = c.weighed_g(before, after if after is not None else _ask("Weight afterwards, g"), None)
        status = _ended(device)
        believed_g = status.steam_mg / 1000
        new = c.by_weight(old, weighed or 0.0, believed_g, status.steam_s)
        device.set_calibration(new)
    data = {"old": calibration_data(old), "new": calibration_data(new)}
    return Answer({**data, "weighed_g": weighed, "believed_g": believed_g, "steam_s": status.steam_s}, _text)


def _ask(what: str) -> float:
    return float(click.prompt(what, type=float, err=True))


def _wait(device: "Device", seconds: float) -> None:
    """Let device time pass."""
    clock = device.port.clock
    until = clock.now() + device.in_clock(seconds)
    while clock.now() < until:
        device.poll(min(1.0, max(0.0, until - clock.now())))


def _ended(device: "Device") -> "m.StatusGetReply":
    """The state of a device whose session is over."""
    from podsteam.errors import UsageProblem
    from podsteam.wire.messages import StateValue

    status = device.status()
    if StateValue.WARM_UP <= status.state <= StateValue.PAUSED:
        raise UsageProblem("A session is running; let it end, then weigh and call this again.")
    if not status.session:
        raise UsageProblem("There was no session since the device's start; leave out --last to run one.")
    return status


# The rest ---------------------------------------------------------------------------------------------------------


@calibrate.command()
@click.argument("watts", type=float)
@click.pass_context
def element(ctx: click.Context, watts: float) -> Answer:
    """Set the element's rated power at 230 V, as its label says, in W. Weigh the steam again afterwards."""
    from podsteam.calibration import rated_power
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        old = device.calibration()
        new = rated_power(old, watts)
        device.set_calibration(new)
    return Answer({"old": calibration_data(old), "new": calibration_data(new)}, _text)


@calibrate.command()
@click.pass_context
def descaled(ctx: click.Context) -> Answer:
    """Tell the device that its boiler was descaled: its next sessions are the new clean baseline."""
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        device.descaled()
    return Answer({"descaled": True}, lambda _: ["The next sessions are the clean baseline for the scale."])


@calibrate.command()
@click.pass_context
def reset(ctx: click.Context) -> Answer:
    """Forget the calibration: back to what a new unit has."""
    from podsteam.calibration import NEW
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        old = device.calibration()
        device.set_calibration(NEW)
    return Answer({"old": calibration_data(old), "new": calibration_data(NEW)}, _text)


def calibration_data(calibration: "m.Calibration") -> Data:
    """A calibration as data; None for what is not set."""
    c = calibration
    return {
        "element_W": c.element_dw / 10,
        "steam_gain": c.gain_permille / 1000,
        "wall_K": c.wall_low_mk / 1000,
        "water_low_K": c.water_low_mk / 1000,
        "outlet_K": c.outlet_low_mk / 1000,
        "low_degC": c.low_cdeg / 100,
        "water_high_K": c.water_high_mk / 1000 if c.high_cdeg else None,
        "high_degC": c.high_cdeg / 100 or None,
        "hold_gain_W_per_K": c.hold_gain_dw_k / 10 or None,
        "hold_integral_s": c.hold_integral_ds / 10 or None,
        "hold_derivative_s": c.hold_derivative_ds / 10 or None,
    }


_NAMES = {
    "element_W": "element at 230 V, W",
    "steam_gain": "steam, of what is believed",
    "wall_K": "wall sensor, K",
    "water_low_K": "water sensor, low point, K",
    "outlet_K": "outlet sensor, K",
    "low_degC": "low point, °C",
    "water_high_K": "water sensor, high point, K",
    "high_degC": "high point, °C",
    "hold_gain_W_per_K": "keep-warm gain, W/K",
    "hold_integral_s": "keep-warm integral time, s",
    "hold_derivative_s": "keep-warm derivative time, s",
}


def _text(data: Data) -> Iterable[str]:
    if "weighed_g" in data:
        yield f"{data['weighed_g']:g} g weighed, {data['believed_g']:.2f} g believed in {data['steam_s']} s of steam"
    yield from _rows([data["old"], data["new"]])


def _rows(sets: list[Data]) -> Iterable[str]:
    from podsteam.cli.output import table

    heads = ["calibration", *(["value"] if len(sets) == 1 else ["before", "now"])]
    rows = [[name, *("-" if each[key] is None else f"{each[key]:g}" for each in sets)] for key, name in _NAMES.items()]
    return table(heads, rows)
