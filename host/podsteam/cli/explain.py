# SPDX-License-Identifier: Apache-2.0
"""`explain`: what a code means. Needs no device."""

from collections.abc import Iterable

import click

from podsteam.cli.answer import Answer, Data
from podsteam.cli.base import Command


@click.command(cls=Command)
@click.argument("code", required=False, default="")
def explain(code: str) -> Answer:
    """Explain an error or fault CODE, by its number or its name. Without one, list them all."""
    from podsteam.cli.views import code_data
    from podsteam.wire.messages import CODES

    if not code:
        return Answer({"codes": [code_data(number) for number in CODES]}, _list_text, "codes")
    return Answer(code_data(_number(code)) or {}, _text)


def _number(code: str) -> int:
    from podsteam.errors import UsageProblem
    from podsteam.text import safe
    from podsteam.wire.messages import CODES

    if code.isascii() and code.isdecimal() and len(code) < 6 and int(code) in CODES:
        return int(code)
    by_name = {known.name: number for number, known in CODES.items()}
    wanted = code.upper().replace("-", "_")
    if wanted in by_name:
        return by_name[wanted]
    from difflib import get_close_matches

    near = get_close_matches(wanted, by_name, n=1, cutoff=0.4)
    hint = f"the nearest is {near[0]}" if near else "`podsteam explain` lists them all"
    raise UsageProblem(f"There is no code '{safe(code, 40)}'; {hint}.")


def _text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import fields

    more = (("behind it", "cause"), ("to clear it", "to_clear"), ("light", "light"))
    rows = [(f"{data['code']} {data['name']}", _line(data))]
    return fields(rows + [(name, data[key]) for name, key in more if data[key]])


def _line(data: Data) -> str:
    """What happened, what the device did, what to do."""
    return f"{data['happened']} {data['device_did']} {data['to_do']}"


def _list_text(data: Data) -> Iterable[str]:
    from podsteam.cli.output import table

    rows = [[str(code["code"]), code["name"], _line(code)] for code in data["codes"]]
    return table(["code", "name", "what happened, what the device did, what to do"], rows)
