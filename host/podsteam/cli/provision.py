# SPDX-License-Identifier: Apache-2.0
"""`provision`: test units at the end of their making, give them serials, keep what was found, print labels."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Group, Settings, settings_of
from podsteam.cli.keeping import store_of

if TYPE_CHECKING:
    from podsteam.production import Limits, Record
    from podsteam.production_batch import Row
    from podsteam.production_identity import Parts
    from podsteam.store.database import Store

_FILE = click.Path(path_type=Path)
_WHY = "this changes what it was made as"


@click.group(cls=Group, invoke_without_command=True)
@click.option("--serial", default="", metavar="SERIAL", help="Its serial number. A unit that failed has one already.")
@click.option("--hardware", default="", metavar="REV", help="Its hardware revision.")
@click.option("--limits", "limits_file", type=_FILE, metavar="FILE.toml", help="What it may measure at rest.")
@click.option("--labels", type=_FILE, metavar="FOLDER", help="Write a label (PNG and ZPL) of each that passes.")
@click.option("--batch", type=_FILE, metavar="FILE.csv", help="Many units: serial, hardware, and maybe port, unit.")
@click.option("--ports", multiple=True, metavar="PORT", help="For --batch, a port; may be given several times.")
@click.option("--update-key", type=_FILE, metavar="PUBLIC.pem", help="It takes updates signed with this key.")
@click.option("--podlet-key", type=_FILE, multiple=True, metavar="PUBLIC.pem", help="It trusts podlets of this key.")
@click.option("--calibration", type=_FILE, metavar="FILE.toml", help="What was measured of this unit.")
@click.option("--again", is_flag=True, help="Also a unit that has passed, or was provisioned otherwise.")
@click.option("--press", is_flag=True, help="Press its button when it must be; simulated boards only.")
@click.pass_context
def provision(
    ctx: click.Context,
    serial: str,
    hardware: str,
    limits_file: Path | None,
    labels: Path | None,
    batch: Path | None,
    ports: tuple[str, ...],
    update_key: Path | None,
    podlet_key: tuple[Path, ...],
    calibration: Path | None,
    again: bool,
    press: bool,
) -> Answer | None:
    """Test a unit, give it its serial, keys and calibration, and keep the record.

    A unit that passes keeps them as one block, all or none. One that has them already wants --again and a press of its
    button. A batch may be run again: it does what has not passed yet.
    """
    if ctx.invoked_subcommand is not None:
        return None
    from podsteam import production_identity, production_label
    from podsteam.errors import UsageProblem
    from podsteam.production import NO_LIMITS, load_limits

    settings = settings_of(ctx)
    if batch and (serial or hardware or again or calibration or press):
        raise UsageProblem(
            "--batch takes serial, hardware and calibration from its file, and only what has not passed yet."
        )
    if ports and not batch:
        raise UsageProblem("--ports goes with --batch; name the one port with --port.")
    limits = load_limits(limits_file) if limits_file else NO_LIMITS
    parts = production_identity.parts(update_key, podlet_key, calibration)
    if labels:
        production_label.prepare(labels)
    if batch:
        return _batch(settings, batch, ports, parts, limits, labels)
    return _one(settings, serial, hardware, parts, limits, labels, again, press)


def _one(
    settings: Settings,
    serial: str,
    hardware: str,
    parts: "Parts",
    limits: "Limits",
    labels: Path | None,
    again: bool,
    press: bool,
) -> Answer:
    from podsteam import production, production_identity
    from podsteam.cli.connect import asked_for_the_button, open_device
    from podsteam.errors import ProductionFailed, UsageProblem

    given = production.name_of(serial, "serial number") if serial else ""
    revision = production.name_of(hardware, "hardware revision") if hardware else ""
    with open_device(settings) as device, store_of(settings, create=True) as store:
        unit, past = device.hello.uid.hex(), production.history(store)
        mine = past.get(unit, [])
        given = given or (mine[-1]["serial"] if mine else "")
        revision = revision or (mine[-1]["hardware"] if mine else "")
        if not given or not revision:
            raise UsageProblem(f"Unit {unit} is new; give its --serial and --hardware.")
        production.refuse(past, unit, given, again)
        block = parts.block(given, revision)
        production_identity.refuse(device, block, again)
        record = production.examine(
            store, device, block, limits, len(mine) + 1, asked_for_the_button(device, press, _WHY)
        )
    written = _labels(record, labels)
    problem = None
    if record["result"] != production.PASS:
        problem = ProductionFailed(f"{given} did not pass: {'; '.join(production.failures(record))}.")
    return Answer({**record, "labels": written}, _one_text, problem=problem)


def _labels(record: "Record", folder: Path | None) -> list[str]:
    from podsteam import production, production_label
    from podsteam.report.files import write_files

    if folder is None or record["result"] != production.PASS:
        return []
    return [str(path) for path in write_files(production_label.files(record, folder), overwrite=True)]


def _one_text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import fields, table

    simulated = " (simulated)" if data["simulated"] else ""
    name = f"{data['serial']}, hardware {data['hardware']}"
    yield from fields([("result", data["result"].upper()), ("serial", name), ("unit", data["unit"] + simulated)])
    yield f"Attempt {data['attempt']}, firmware {data['firmware']}, hash {data['firmware_hash']}"
    rows: list[list[str]] = []
    for step in data["steps"]:
        limits = step.get("limits")
        text = f"{step['measured']:g}, limits {limits[0]:g} to {limits[1]:g}" if limits else step.get("problem", "")
        rows.append([step["step"], step["result"], text])
    yield from table(["step", "result", "found"], rows)
    yield from (f"Wrote {path}" for path in data["labels"])


def _batch(
    settings: Settings,
    file: Path,
    ports: tuple[str, ...],
    parts: "Parts",
    limits: "Limits",
    labels: Path | None,
) -> Answer:
    from podsteam import production, production_batch
    from podsteam.errors import ProductionFailed, UsageProblem

    rows = production_batch.load(file)
    # A wrong calibration shows before any unit is tested.
    each_parts = {
        row.serial: parts.calibrated(file.parent / row.calibration if row.calibration else None) for row in rows
    }
    extra = ports or ((settings.port,) if settings.port else ())
    if len(set(extra)) != len(extra):
        raise UsageProblem("--ports: a port is named twice.")
    with store_of(settings, create=True) as store:
        past = production.history(store)
        finished = production_batch.done(rows, past)
        todo = [row for row in rows if row.serial not in finished]
        places = list(dict.fromkeys([*(row.port for row in todo if row.port), *extra])) if todo else []
        if todo and not places:
            raise UsageProblem(f"{file}: no row names a port; give them with --ports.")
        units: list[Data] = []
        for port in places:
            found = _on_port(store, port, todo, each_parts, limits)
            todo = [row for row in todo if row.serial != found["serial"]]
            found["labels"] = _labels(found, labels) if "steps" in found else []
            units.append(found)
    units += [_without(row.serial, "", "no port had a unit for it") for row in todo]
    bad = [each for each in units if each["serial"] and each["result"] != production.PASS]
    problem = None
    if bad:
        why = "; ".join(f"{each['serial']} ({each['problem']})" for each in bad)
        problem = ProductionFailed(f"{len(bad)} of {len(rows)} units did not pass: {why}.")
    return Answer({"units": units, "passed_before": sorted(finished)}, _batch_text, "units", problem)


def _without(serial: str, port: str, problem: str) -> Data:
    return {"serial": serial, "port": port, "unit": "", "result": "not tested", "problem": problem, "labels": []}


def _on_port(store: "Store", port: str, todo: "list[Row]", each_parts: "dict[str, Parts]", limits: "Limits") -> Data:
    """Test what is on a port, as the row that is its. Trouble with one port stays there."""
    from podsteam import production, production_batch, production_identity
    from podsteam.cli.connect import asked_for_the_button
    from podsteam.client import Device
    from podsteam.errors import PodsteamError, StoreFailed

    named = next((row.serial for row in todo if row.port == port), "")
    try:
        with Device.open(port) as device:
            unit, past = device.hello.uid.hex(), production.history(store)
            mine = past.get(unit, [])
            if production.passed(mine):
                return _without(named, port, f"unit {unit} passed already, as {mine[-1]['serial']}")
            row = production_batch.row_for(todo, past, port, unit)
            if row is None:
                why = f"unit {unit} is not the one that its row names" if named else "no row is left for it"
                return _without(named, port, why)
            production.refuse(past, unit, row.serial, again=False)
            block = each_parts[row.serial].block(row.serial, row.hardware)
            production_identity.refuse(device, block, again=False)
            record = production.examine(
                store, device, block, limits, len(mine) + 1, asked_for_the_button(device, False, _WHY)
            )
    except StoreFailed:
        raise
    except PodsteamError as e:
        return _without(named, port, str(e).rstrip("."))
    return {**record, "port": port, "problem": "; ".join(production.failures(record))}


def _unit(found: Data) -> str:
    return (found["unit"] or "-") + (" (simulated)" if found.get("simulated") else "")


def _batch_text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table
    from podsteam.text import safe

    rows = [
        [each["serial"] or "-", safe(each["port"]) or "-", _unit(each), each["result"].upper(), each["problem"]]
        for each in data["units"]
    ]
    yield from table(["serial", "port", "unit", "result", "why"], rows)
    if data["passed_before"]:
        yield f"{len(data['passed_before'])} passed before and were left alone."


@provision.command()
@click.pass_context
def show(ctx: click.Context) -> Answer:
    """Show what the unit was provisioned as: serial, revision, keys by their ids, calibration."""
    from podsteam import identity
    from podsteam.cli.calibrate import calibration_data
    from podsteam.cli.calibrate_dose import dose_data
    from podsteam.cli.connect import open_device

    with open_device(settings_of(ctx)) as device:
        found, block = identity.known(device), identity.read(device)
        unit = device.hello.uid.hex()
    data: Data = {"unit": unit, "provisioned": found.provisioned, "serial": None, "hardware": None, "crc": None}
    data |= {"update_key": None, "podlet_keys": None, "calibration": None, "dose_calibration": None}
    if block is not None:
        own, dose = block.calibration, block.dose_calibration
        data |= {"serial": block.serial, "hardware": block.hardware, "crc": f"{found.crc:08x}"}
        data["update_key"] = found.update_key or None
        data["podlet_keys"] = list(found.podlet_keys) if block.podlet_keys is not None else None
        data["calibration"] = calibration_data(own) if own else None
        data["dose_calibration"] = dose_data(dose) if dose else None
    return Answer(data, _show_text)


def _show_text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import fields

    if not data["provisioned"]:
        yield f"Unit {data['unit']} was never provisioned."
        return
    keys = data["podlet_keys"]
    sets = [name for name in ("calibration", "dose_calibration") if data[name]]
    yield from fields(
        [
            ("serial", f"{data['serial']}, hardware {data['hardware']}"),
            ("unit", data["unit"]),
            ("update key", data["update_key"] or "not given"),
            ("podlet keys", "not given" if keys is None else ", ".join(keys) or "none"),
            ("calibration", ", ".join(sets) or "not given"),
            ("check", data["crc"]),
        ]
    )
    for name in sets:
        rows = [(key, "-" if value is None else f"{value:g}") for key, value in data[name].items()]
        yield from fields([(name, ""), *rows])


@provision.command()
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="Also write every attempt as CSV.")
@click.option("--overwrite", is_flag=True, help="Replace a file of that name.")
@click.pass_context
def report(ctx: click.Context, csv_file: Path | None, overwrite: bool) -> Answer:
    """Show how many units passed, at once and at last, and the failures by count."""
    from podsteam import production
    from podsteam.report.files import write_files

    with store_of(settings_of(ctx)) as store:
        past = production.history(store)
    attempts = [record for records in past.values() for record in records]
    if csv_file:
        write_files({csv_file: _csv(attempts)}, overwrite)
    data = {**production.summary(past), "tests": attempts, "csv": str(csv_file) if csv_file else None}
    return Answer(data, _report_text, "tests")


def _csv(attempts: "list[Record]") -> bytes:
    import csv
    import io

    from podsteam.production import failures

    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    same = ("when", "unit", "serial", "hardware", "attempt", "result", "firmware", "firmware_hash", "simulated")
    limited = sorted({step["step"] for record in attempts for step in record["steps"] if "limits" in step})
    writer.writerow([*same, *limited, "failures"])
    for record in attempts:
        measured = {step["step"]: step["measured"] for step in record["steps"] if "limits" in step}
        cells = [record[name] for name in same]
        writer.writerow([*cells, *(measured.get(name, "") for name in limited), "; ".join(failures(record))])
    return out.getvalue().encode()


def _report_text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table

    if not data["units"]:
        yield "No unit has been tested yet."
        return
    units, good, first = data["units"], data["passed"], data["passed_first"]
    yield f"{good} of {units} units passed ({data['yield']:.1%})."
    yield f"{first} passed at the first attempt ({data['first_yield']:.1%})."
    yield f"{data['attempts']} attempts."
    yield from table(["failed step", "times"], [[step, str(count)] for step, count in data["failures"].items()])
    if data["csv"]:
        yield f"Wrote {data['csv']}"
