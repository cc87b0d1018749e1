# SPDX-License-Identifier: Apache-2.0
"""Programs: TOML to struct and back, every mistake named with file, key and range, and what a program will do."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podsteam import programs
from podsteam.errors import UsageProblem
from podsteam.program import FIELDS, MAX_STEAM_S, dump, load, padded, parse, phases_of
from podsteam.timeline import timeline, totals
from podsteam.wire.messages import Program
from podsteam_firmware.session import program as firmware

GOOD = """
[program]
name = "a-1_b"
[warm_up]
hold_c = 60.5
hold_s = 30
max_s = 200
[[steam]]
rate_g_per_min = 6
duration_s = 60
[[steam]]
rate_g_per_min = 4.25
minutes = 1.5
[dose]
first_s = 10
every_s = 20
count = 3
volume_ul = 12.5
[end]
cool_to_c = 55
"""


def test_every_key_reaches_its_field() -> None:
    assert parse(GOOD, "x") == Program(
        name=b"a-1_b".ljust(16, b"\0"),
        hold_cdeg=6050,
        hold_s=30,
        warm_up_max_s=200,
        steam1_mg_min=6000,
        steam1_s=60,
        steam2_mg_min=4250,
        steam2_s=90,
        dose_first_s=10,
        dose_every_s=20,
        dose_count=3,
        dose_nl=12500,
        end_cdeg=5500,
    )


def test_the_example_is_the_firmware_s_own_default() -> None:
    assert programs.get("gentle").pack() == firmware.GENTLE


@pytest.mark.parametrize("name", programs.names())
def test_examples_are_accepted_by_the_firmware(name: str) -> None:
    assert firmware.check(programs.get(name).pack()) == -1
    assert padded(name) == programs.get(name).name


def steam(rate: str = "4", length: str = "minutes = 3") -> str:
    return f"[[steam]]\nrate_g_per_min = {rate}\n{length}\n"


HEAD = '[program]\nname = "a"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [", "x.toml: is not valid TOML: "),
        ("", "x.toml: [program] name must be 1 to 16 of a-z, 0-9, - and _."),
        ('[program]\nname = "Big"\n' + steam(), "[program] name must be"),
        ('[program]\nname = "a"\ncolour = 1\n' + steam(), "unknown key 'colour' in [program]; the nearest known"),
        (HEAD, "there must be 1 to 3 [[steam]] phases"),
        ("steam = 3\n" + HEAD, "there must be 1 to 3 [[steam]] phases"),
        (HEAD + steam() * 4, "there must be 1 to 3 [[steam]] phases"),
        (HEAD + "[steam]\nminutes = 3", "[steam] must be written [[steam]]"),
        (HEAD + steam("40"), "[[steam]] phase 1 rate_g_per_min is 40, but must be 0.5 to 12 g/min."),
        (HEAD + steam() + steam('"4"'), "[[steam]] phase 2 rate_g_per_min must be a number, 0.5 to 12 g/min."),
        (HEAD + steam("true"), "[[steam]] phase 1 rate_g_per_min must be a number"),
        (HEAD + steam("nan"), "rate_g_per_min is NaN, but must be 0.5 to 12"),
        (HEAD + steam("inf"), "but must be 0.5 to 12"),
        (HEAD + steam("1e999999"), "but must be 0.5 to 12"),
        (HEAD + steam("4.0001"), "finer than its steps of 0.001 g/min"),
        (HEAD + steam(length=""), "[[steam]] phase 1 needs either minutes or duration_s"),
        (HEAD + steam(length="minutes = 1\nduration_s = 60"), "needs either minutes or duration_s"),
        (HEAD + "[[steam]]\nminutes = 1", "[[steam]] phase 1 needs rate_g_per_min"),
        (HEAD + steam(length="minutes = 20") * 2, "the [[steam]] phases last 2400 s, but must last at most 1800 s"),
        (HEAD + steam().replace("rate_g", "rate_kg"), "unknown key 'rate_kg_per_min' in [[steam]] phase 1;"),
        (HEAD + steam() + "[dose]\ncount = 2", "[dose] count is 2, so every_s must be given, 0 or 5 to 1800 s"),
        (HEAD + steam() + "[dose]\ncount = 61\nevery_s = 5", "[dose] count is 61, but must be 0 to 60."),
        (HEAD + steam() + "[dose]\ncount = 5\nevery_s = 60", "the last dose would come at 240 s, but steam ends"),
        (HEAD + steam() + "[dose]\nvolume_ul = 251", "[dose] volume_ul is 251, but must be 0 to 250 uL."),
        (HEAD + steam() + "[warm_up]\nhold_c = 60", "[warm_up] hold_c and hold_s go together"),
        (HEAD + steam() + "[warm_up]\nmax_s = 10", "[warm_up] max_s is 10, but must be 30 to 900 s."),
        (HEAD + steam() + "[end]\ncool_to_c = 10", "[end] cool_to_c is 10, but must be 30 to 95 C."),
        (HEAD + steam() + "[ende]\ncool_to_c = 60", "unknown key 'ende' at the top; the nearest known one is 'end'."),
        ('end = 60\n' + HEAD + steam(), "[end] must be a table"),
        (HEAD + '"\\u001b[2J" = 1\n' + steam(), r"unknown key '\x1b[2J' in [program]"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_file_key_and_range(text: str, said: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse(text, "x.toml")
    sentence = str(caught.value)
    assert said in sentence
    assert sentence.startswith("x.toml: ") and sentence.endswith(".")
    assert "\n" not in sentence and "\x1b" not in sentence
    assert caught.value.status == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), (b"\xff\xfe", "is not UTF-8"), (b"#" * 70000, "larger than 64 KiB")],
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "p.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageProblem, match=said):
        load(path)


def _steps(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


@st.composite
def any_program(draw: st.DrawFn) -> Program:
    lengths = draw(st.lists(_steps(10, MAX_STEAM_S // 3), min_size=1, max_size=3))
    rates = [draw(_steps(500, 12000)) for _ in lengths]
    pairs = [*zip(rates, lengths, strict=True), (0, 0), (0, 0)][:3]
    first = draw(_steps(0, sum(lengths) - 1))
    every = draw(_steps(5, 600))
    count = draw(_steps(0, min(60, (sum(lengths) - 1 - first) // every + 1)))
    hold = draw(st.sampled_from([0, 1]))
    return Program(
        name=padded(draw(st.from_regex(r"[a-z0-9_-]{1,16}", fullmatch=True))),
        hold_cdeg=hold * draw(_steps(3000, 9500)),
        hold_s=hold * draw(_steps(1, 3600)),
        warm_up_max_s=draw(_steps(30, 900)),
        steam1_mg_min=pairs[0][0],
        steam1_s=pairs[0][1],
        steam2_mg_min=pairs[1][0],
        steam2_s=pairs[1][1],
        steam3_mg_min=pairs[2][0],
        steam3_s=pairs[2][1],
        dose_first_s=first,
        dose_every_s=every,
        dose_count=count,
        dose_nl=draw(_steps(0, 250_000)),
        end_cdeg=draw(_steps(3000, 9500)),
    )


@given(any_program())
def test_struct_to_toml_and_back(program: Program) -> None:
    text = dump(program)
    assert parse(text, "x") == program
    assert dump(parse(text, "x")) == text
    # What the host accepts, the device accepts.
    assert firmware.check(program.pack()) == -1


@pytest.mark.parametrize("table", FIELDS)
def test_ranges_are_the_device_s(table: str) -> None:
    """One step beyond a limit, the device refuses what the host refuses."""
    base = parse(GOOD, "x")
    names = {
        "hold_c": "hold_cdeg",
        "hold_s": "hold_s",
        "max_s": "warm_up_max_s",
        "rate_g_per_min": "steam1_mg_min",
        "duration_s": "steam1_s",
        "first_s": "dose_first_s",
        "every_s": "dose_every_s",
        "count": "dose_count",
        "volume_ul": "dose_nl",
        "cool_to_c": "end_cdeg",
    }
    for field in FIELDS[table]:
        if field.key not in names:
            continue
        values = {name: getattr(base, name) for name in Program.__dataclass_fields__ if name not in ("FORMAT",)}
        for value, good in ((field.high, True), (field.high + 1 / field.scale, False), (field.low, True)):
            values[names[field.key]] = round(value * field.scale)
            fault = firmware.check(Program(**values).pack())
            if not good:
                assert fault >= 0, field.key
            elif field.key != "duration_s":
                assert fault == -1, field.key


def test_dry_run_is_in_order_and_complete() -> None:
    program = parse(GOOD, "x")
    entries = timeline(program)
    assert [entry["since"] for entry in entries] == ["start"] * 2 + ["steam"] * 6
    times = [entry["t_s"] for entry in entries if entry["since"] == "steam"]
    assert times == sorted(times) == [0, 10, 30, 50, 60, 150]
    assert "keep warm for 30 s" in entries[0]["what"]
    assert entries[-1]["what"] == "heater and dosing off, cool to 55 C"
    assert totals(program) == {
        "name": "a-1_b",
        "steam_s": 150,
        "steam_g": round(6 + 4.25 * 1.5, 2),
        "doses": 3,
        "dose_ul": 12.5,
        "longest_s": 30 + 200 + 150,
    }
    assert phases_of(program) == [(6000, 60), (4250, 90)]
