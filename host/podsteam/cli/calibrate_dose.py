# SPDX-License-Identifier: Apache-2.0
"""`calibrate dose`: the valve's own flow and dead time, by weighing the podlet before and after runs of shots."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command, Settings, settings_of

if TYPE_CHECKING:
    from podsteam.client import Device
    from podsteam.dosing import Line, Run
    from podsteam.wire import messages as m

_NAME = "dose-weigh"
"""The program of these runs; it stays on the device."""
_STEAM_MG_MIN = 2000
_FIRST_S = 5
_WARM_UP_S = 900
_MOST_STEAM_S = 1700
_LEAST_SHOTS = 3
_COOL_CDEG = 6500
_COOLING_S = 1800.0
"""Device time for the outlet to cool."""
_LOCKOUT_S = 2.5
_NOMINAL_FLOW = 400
"""What the device takes for a podlet that does not tell its flow, nL/ms."""
_LEAST_FLOW = 100
"""The device believes no podlet that tells less."""


@click.command(cls=Command)
@click.option("--runs", default=4, show_default=True, help="Runs, alternately of small and of whole shots; 3 to 12.")
@click.option("--shots", default=10, show_default=True, help="Shots in a run, 3 to 40; fewer where a cap says so.")
@click.option("--mg", type=float, multiple=True, metavar="MG", help="What a run weighed, mg; once for each run.")
@click.option("--density", default=1.0, show_default=True, metavar="G/ML", help="Density of the podlet's liquid.")
@click.option(
    "--per-kelvin", default=2.0, show_default=True, metavar="%", help="More flow in a room 1 K warmer; water: 2."
)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw the runs and the line.")
@click.option("--overwrite", is_flag=True, help="Replace FILE.svg if it is there.")
@click.option("--press", is_flag=True, help="Press the button; simulated boards only.")
@click.option("--reset", is_flag=True, help="Run nothing: back to what a new unit has.")
@click.pass_context
def dose(
    ctx: click.Context,
    runs: int,
    shots: int,
    mg: tuple[float, ...],
    density: float,
    per_kelvin: float,
    plot: Path | None,
    overwrite: bool,
    press: bool,
    reset: bool,
) -> Answer:
    """Calibrate the valve with a podlet and a scale that shows 1 mg.

    In each run the device makes steam and gives some shots. Weigh the podlet before and after each, in mg. It asks for
    the weights unless --mg gives what each run took off the podlet. When they cannot be right, the old set stays.
    """
    from podsteam import dosing
    from podsteam.cli.connect import open_device
    from podsteam.errors import UsageProblem

    settings = settings_of(ctx)
    if not dosing.LEAST_RUNS <= runs <= 12 or not _LEAST_SHOTS <= shots <= 40:
        raise UsageProblem(f"--runs must be {dosing.LEAST_RUNS} to 12, and --shots {_LEAST_SHOTS} to 40.")
    if mg and len(mg) != runs:
        raise UsageProblem(f"--mg is given {len(mg)} times, but there are {runs} runs.")
    if not mg and not reset and not sys.stdin.isatty():
        raise UsageProblem("Nobody can be asked here: give --mg once for each run.")
    with open_device(settings) as device:
        old = device.dose_calibration()
        if reset:
            device.set_dose_calibration(dosing.NEW)
            return Answer({"old": dose_data(old), "new": dose_data(dosing.NEW)}, _text)
        room_c = device.status().outlet_cdeg / 100
        flow = _flow(device)
        weighed = [_run(device, settings, i, shots, mg, press) for i in range(runs)]
        fitted = dosing.line(weighed, density)
        new = dosing.calibrated(old, fitted, flow, weighed, room_c, int(time.time()) // 86_400, per_kelvin)
        device.set_dose_calibration(new)
    if plot is not None:
        from podsteam.report.files import write_files

        write_files({plot: dosing.picture(weighed, fitted, density).encode()}, overwrite)
    data = {"old": dose_data(old), "new": dose_data(new), "line": _line_data(fitted), "plot": str(plot or "") or None}
    return Answer({**data, "runs": [_run_data(run, density) for run in weighed]}, _text)


def _flow(device: "Device") -> int:
    """The flow that the podlet tells, as the device takes it, nL/ms."""
    from podsteam.podlet import read_tag

    size = device.podlet().size
    label = read_tag(device.podlet_memory(size)) if size else None
    told = (label or {}).get("flow_nl_per_ms")
    return max(int(told or _NOMINAL_FLOW), _LEAST_FLOW)


def _run(device: "Device", settings: Settings, i: int, shots: int, mg: tuple[float, ...], press: bool) -> "Run":
    """One run, weighed. Raises IntegrityFailed when a shot in it is not certain or not whole."""
    from podsteam.cli.run import SessionCall
    from podsteam.dosing import Run, mass_mg
    from podsteam.errors import IntegrityFailed
    from podsteam.store import open_store
    from podsteam.wire.messages import DoseValue

    _wait_until_cool(device)
    program = _program(device, i, shots)
    device.put_program(program)
    before = 0.0 if mg else _ask(f"Run {i + 1}: weight of the podlet before, mg (then put it back and close the latch)")
    call = SessionCall(settings, press=press)
    outcome, data = call.conduct(device, _NAME, program, lambda session, armed: session.run(_NAME, armed))
    if (problem := outcome.problem()) is not None:
        raise problem
    with open_store(settings.store or None) as store:
        given = store.get(data["record"]).record.doses
    whole = [d for d in given if d.result == DoseValue.GIVEN and d.counted_nl == program.dose_nl and not d.refused]
    if len(whole) != len(given) or len(whole) != program.dose_count:
        raise IntegrityFailed(
            f"In run {i + 1} {len(whole)} of {program.dose_count} shots were given whole and for certain; the weights "
            "would tell nothing. The record says why."
        )
    mass = mg[i] if mg else mass_mg(before, _ask(f"Run {i + 1}: weight of the podlet after, mg"))
    return Run(program.dose_nl, len(whole), mass)


def _wait_until_cool(device: "Device") -> None:
    """Nothing starts while the outlet could burn somebody. Raises DeviceSilent when it does not cool."""
    from podsteam.cli.connect import note
    from podsteam.errors import DeviceSilent
    from podsteam.wire.messages import FlagBits

    clock = device.port.clock
    deadline = clock.now() + device.in_clock(_COOLING_S)
    told = False
    while (status := device.status()).outlet_cdeg >= _COOL_CDEG or status.flags & FlagBits.RELAY:
        if clock.now() > deadline:
            raise DeviceSilent(f"The outlet is still hot after {_COOLING_S / 60:.0f} min; try again later.")
        if not told and status.outlet_cdeg >= _COOL_CDEG:
            note("The outlet has to cool before the next run.")
            told = True
        clock.sleep(device.in_clock(1.0))
    # For 2 s after a stop nothing starts.
    clock.sleep(device.in_clock(_LOCKOUT_S))


def _program(device: "Device", i: int, shots: int) -> "m.Program":
    """A quarter of the podlet's dose in even runs, the whole in odd ones; within its caps. Raises IntegrityFailed."""
    from podsteam.errors import IntegrityFailed
    from podsteam.wire.messages import PodletValue, Program

    podlet = device.podlet()
    if podlet.state not in (PodletValue.GUEST, PodletValue.SIGNED):
        raise IntegrityFailed("There is no podlet in the holder that can be dosed from.")
    volume_nl = podlet.dose_nl if i % 2 else podlet.dose_nl // 4
    every_s = max(podlet.min_interval_s, 10) + 2
    lowered = podlet.session_cap_nl * 1000 // (1000 + device.dose_calibration().p95_permille)
    count = min(shots, lowered // max(1, volume_nl), podlet.doses_left, (_MOST_STEAM_S - _FIRST_S) // every_s)
    if count < _LEAST_SHOTS:
        raise IntegrityFailed(f"The podlet allows {count} shots of {volume_nl / 1000:g} uL; take one with more left.")
    return Program(
        name=_NAME.encode().ljust(16, b"\0"),
        warm_up_max_s=_WARM_UP_S,
        steam1_mg_min=_STEAM_MG_MIN,
        steam1_s=_FIRST_S + every_s * count,
        dose_first_s=_FIRST_S,
        dose_every_s=every_s,
        dose_count=count,
        dose_nl=volume_nl,
        end_cdeg=6000,
    )


def _ask(what: str) -> float:
    return float(click.prompt(what, type=float, err=True))


def dose_data(calibration: "m.DoseCalibration") -> Data:
    """A calibration of the valve as data."""
    c = calibration
    return {
        "gain": c.gain_permille / 1000,
        "dead_ms": c.dead_us / 1000,
        "p95_percent": c.p95_permille / 10,
        "room_degC": c.temp_cdeg / 100,
        "warmth_percent_per_K": c.temp_permille_k / 10,
        "pulses": c.pulses,
    }


def _run_data(run: "Run", density: float) -> Data:
    return {
        "commanded_uL": run.volume_nl / 1000,
        "shots": run.shots,
        "mass_mg": run.mass_mg,
        "delivered_uL": run.each_nl(density) / 1000,
    }


def _line_data(fitted: "Line") -> Data:
    return {
        "slope": fitted.slope,
        "slope_error": fitted.slope_error,
        "offset_uL": fitted.offset_nl / 1000,
        "offset_error_uL": fitted.offset_error_nl / 1000,
    }


_NAMES = {
    "gain": "flow, of what podlets tell",
    "dead_ms": "dead time, ms",
    "p95_percent": "19 of 20 shots err by, %",
    "room_degC": "room at the weighing, °C",
    "warmth_percent_per_K": "more flow per kelvin, %",
    "pulses": "shots weighed",
}


def _text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table

    if "runs" in data:
        heads = ["run", "commanded, µL", "shots", "weighed, mg", "delivered, µL"]
        rows = [
            [str(i), f"{r['commanded_uL']:g}", str(r["shots"]), f"{r['mass_mg']:g}", f"{r['delivered_uL']:.2f}"]
            for i, r in enumerate(data["runs"], 1)
        ]
        yield from table(heads, rows)
        fit = data["line"]
        yield (
            f"delivered = ({fit['offset_uL']:.2f} +- {fit['offset_error_uL']:.2f}) uL + "
            f"({fit['slope']:.3f} +- {fit['slope_error']:.3f}) x commanded; 95 % confidence"
        )
        if data["plot"]:
            yield f"drawn in {data['plot']}"
    rows = [[name, f"{data['old'][key]:g}", f"{data['new'][key]:g}"] for key, name in _NAMES.items()]
    yield from table(["calibration of the valve", "before", "now"], rows)
