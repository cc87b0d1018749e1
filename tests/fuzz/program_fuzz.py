# SPDX-License-Identifier: Apache-2.0
"""Hostile program files against the host: changed texts of the shipped programs, and random ones.

Whatever the text says, it is a program or it is refused in one sentence; a program that was taken reads back equal,
and the device takes it too.
"""

import random
from pathlib import Path

import podsteam.programs
from podsteam import program
from podsteam.errors import UsageProblem
from podsteam_firmware.session import program as device

TEXTS = [path.read_text(encoding="utf-8") for path in sorted(Path(podsteam.programs.__path__[0]).glob("*.toml"))]
SCRAPS = (
    *("0", "-1", "1e9", "nan", "inf", "-0.0", "true", '"x"', "[]", "{}", "99999999999999999999", "0x7fffffff", "\x00"),
    *(
        "\x1b[31m",
        "\u202e",
        "\ud7ff",
        "[steam]",
        "[[steam]]",
        "[[steam]]\nrate_g_per_min = 4\nminutes = 1\n",
        "'''",
        "# ",
    ),
    *("hold_c = 60\nhold_s = 30\n", "1979-05-27", "4.00000001", "name", "=", "\n", '"\\u0000"', "_", "."),
)


def changed(chance: random.Random) -> str:
    """A text with a few changes."""
    text = chance.choice(TEXTS)
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(text) + 1)
        way = chance.randrange(5)
        if way == 0:
            text = text[:at] + chance.choice(SCRAPS) + text[at:]
        elif way == 1:
            text = text[:at] + text[at + chance.randint(1, 12) :]
        elif way == 2:
            text = (
                text[:at]
                + chr(chance.choice((9, 10, 13, 27, 34, 48, 57, 91, 93, 127, 8238, 0x10FFFF)))
                + text[at + 1 :]
            )
        elif way == 3:
            lines = text.split("\n")
            lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines))
            text = "\n".join(lines)
        else:
            lines = text.split("\n")
            line = chance.randrange(len(lines))
            key, sign, _ = lines[line].partition("=")
            lines[line] = key + sign + " " + chance.choice(SCRAPS) if sign else lines[line]
            text = "\n".join(lines)
    return text


def hostile_programs(seed: int, count: int) -> tuple[int, int]:
    """Read `count` changed texts. Returns how many were taken and how many were refused; anything else fails."""
    chance = random.Random(seed)
    taken = refused = 0
    for _ in range(count):
        text = changed(chance)
        try:
            found = program.parse(text, "a.toml")
        except UsageProblem as problem:
            refused += 1
            sentence = str(problem)
            assert sentence.isprintable() and len(sentence) < 1000, (text, sentence)
            continue
        taken += 1
        assert program.parse(program.dump(found), "a.toml") == found, text
        assert device.check(found.pack()) == -1, text
    return taken, refused
