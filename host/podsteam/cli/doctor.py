# SPDX-License-Identifier: Apache-2.0
"""`doctor`: the usual troubles of the first hour, each with what mends it; a report for others without names."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command, settings_of

if TYPE_CHECKING:
    from podsteam.doctor.view import Finding
    from podsteam.errors import PodsteamError


@click.command(cls=Command)
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Write a report (.json or .zip).")
@click.option("--chip", is_flag=True, help="Ask the chip's loader too, which restarts the board.")
@click.option("--board", "which", default="reference", metavar="NAME|FILE.toml", help="Whose chip it should be.")
@click.pass_context
def doctor(ctx: click.Context, report: Path | None, chip: bool, which: str) -> Answer:
    """Look for what usually goes wrong, and say how to mend it: permission, port, cable, chip, versions, store.

    Changes nothing. Exits with the status of the first trouble that keeps podsteam from working, 0 without one.
    --report leaves out names, serial numbers, addresses and secrets; read it before you send it.
    """
    from podsteam import doctor as lib
    from podsteam.doctor import bundle, gather, meet
    from podsteam.errors import UsageProblem

    settings = settings_of(ctx)
    if report is not None and report.exists():
        raise UsageProblem(f"{report} is there already; name another file for the report.")
    view = gather.gather(settings.port, settings.store)
    port = view.port
    if port is not None and port.exists and port.allowed and not port.holder:
        view = replace(view, met=meet.meet(port))
        if chip:
            if not port.serial and "://" not in port.name:
                raise UsageProblem("A simulated board has no chip to ask; leave --chip out.")
            if view.met is not None and not view.met.resting:
                raise UsageProblem("A session runs, which asking the chip would end; stop it first.")
            view = replace(view, chip=meet.meet_chip(port.name, which))
    findings = lib.examine(view)
    data: Data = {"checks": [finding.data() for finding in findings], "report": None}
    if report is not None:
        bundle.write(report, bundle.make(view, findings))
        data["report"] = str(report)
    first = next((each for each in findings if each.status), None)
    return Answer(data, _text, "checks", problem=_problem(first) if first is not None else None)


def _problem(finding: "Finding") -> "PodsteamError":
    """The error with the exit status of a trouble."""
    from podsteam import errors

    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.PodsteamError)
    ]
    kind = next((kind for kind in kinds if kind.status == finding.status), errors.PodsteamError)
    return kind(f"There is trouble with '{finding.name}'; its line says how to mend it.")


def _text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import fields

    counts = {"OK": 0, "trouble": 0, "not checked": 0}
    for check in data["checks"]:
        counts[check["result"]] += 1
        then = f" -> {check['remedy']}" if check["remedy"] else ""
        yield from fields([(f"{check['result']:<11}  {check['name']:<17}", f"{check['said']}{then}")])
    yield ", ".join(f"{count} {result}" for result, count in counts.items()) + "."
    if data["report"]:
        yield f"Report written to {data['report']}; read it before you send it."
