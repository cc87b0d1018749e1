# SPDX-License-Identifier: Apache-2.0
"""`selftest`: what the device's self-test found, check by check, with what each can tell and what it cannot."""

import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command, settings_of

if TYPE_CHECKING:
    from podsteam.wire.messages import SelftestGetReply

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run yet"


@click.command(cls=Command)
@click.pass_context
def selftest(ctx: click.Context) -> Answer:
    """Show what the device's self-test found, at power-on and before the last heat.

    It runs by itself; this asks for its results and heats nothing.
    """
    from podsteam.cli.connect import open_device
    from podsteam.errors import SafetyLatched

    with open_device(settings_of(ctx)) as device:
        data = selftest_data(device.selftest())
    bad = [check for check in data["checks"] if check["result"] == FAILED and check["forbids_heat"]]
    problem = None
    if bad:
        reasons = "; ".join(f"{check['name']}, {check['reading_is']}: {check['reading']}" for check in bad)
        problem = SafetyLatched(f"The device's self-test failed, so it does not heat: {reasons}.")
    return Answer(data, _text, problem=problem)


def selftest_data(reply: "SelftestGetReply") -> Data:
    """The results of all checks that this host knows, in the order of their bits."""
    from podsteam.wire.messages import CHECKS

    readings = struct.unpack(f"<{len(reply.readings) // 4}i", reply.readings[: len(reply.readings) // 4 * 4])
    checks: list[Data] = []
    for number, (bit, check) in enumerate(CHECKS.items()):
        ran = bool(reply.done & bit)
        checks.append(
            {
                "name": check.name,
                "result": NOT_RUN if not ran else FAILED if reply.failed & bit else PASSED,
                "forbids_heat": bool(reply.stops & bit),
                "reading": readings[number] if ran and number < len(readings) else None,
                "reading_is": check.reading,
                "when": check.when,
                "does": check.does,
                "cannot_tell": check.cannot,
            }
        )
    known = sum(CHECKS)
    return {
        "passed": not reply.failed & reply.stops,
        "complete": all(check["result"] != NOT_RUN for check in checks),
        "unknown_checks_failed": bool(reply.failed & ~known),
        "checks": checks,
    }


def _text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table

    rows: list[list[str]] = []
    for check in data["checks"]:
        text = f"{check['does']} Not covered: {check['cannot_tell'][0].lower()}{check['cannot_tell'][1:]}"
        if check["result"] == FAILED:
            then = "no heat" if check["forbids_heat"] else "heats all the same"
            text = f"{check['reading_is']}: {check['reading']}; {then}. {text}"
        rows.append([check["name"], check["result"], text])
    yield from table(["check", "result", "what it covers"], rows)
    if data["unknown_checks_failed"]:
        yield "A check failed that this host tool does not know; it may be too old."
    if not data["complete"]:
        yield "What has not run yet runs before the next heat."
