# SPDX-License-Identifier: Apache-2.0
"""The table of lights and sounds: no two can be taken for one another, by anybody who sees no colour."""

import itertools

import pytest

from podsteam.wire import messages as w
from podsteam_protocol import messages as m
from podsteam_protocol import schema, signs

RHYTHMS = {name: rhythm for name, _, rhythm, *_ in signs.LIGHTS}
PAIRS = list(itertools.combinations(RHYTHMS, 2))
LONG = 3
"""Steps from which on a flash or a pause is long: three times a short one, as in Morse code."""


def turned(rhythm: str) -> list[str]:
    """The rhythm from every step on."""
    return [rhythm[i:] + rhythm[:i] for i in range(len(rhythm))]


def runs(rhythm: str) -> list[tuple[str, int]]:
    """Its flashes and pauses in steps, from the beginning of a flash after the longest pause on."""
    turns = [t for t in turned(rhythm) if t[0] == "#" and t[-1] == "."] or [rhythm]
    start = max(turns, key=lambda t: len(t) - len(t.rstrip(".")))
    return [(step, len(list(same))) for step, same in itertools.groupby(start)]


def told(rhythm: str) -> tuple[tuple[str, bool], ...]:
    """What a person tells without a clock: flashes and pauses in their order, each short or long."""
    return tuple((step, length >= LONG) for step, length in runs(rhythm))


@pytest.mark.parametrize("name", RHYTHMS)
def test_a_rhythm_is_whole(name: str) -> None:
    rhythm = RHYTHMS[name]
    assert len(rhythm) == signs.STEPS and set(rhythm) <= {"#", "."}
    assert rhythm[0] == "#", "it begins lit, so that a new state shows at once"
    assert signs.STEPS * signs.STEP_MS == 4000
    lit = signs.lit(rhythm)
    assert [bool(lit >> i & 1) for i in range(signs.STEPS)] == [step == "#" for step in rhythm]


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_two_rhythms_differ_wherever_one_begins_to_look(one: str, other: str) -> None:
    apart = min(sum(a != b for a, b in zip(RHYTHMS[one], turn)) for turn in turned(RHYTHMS[other]))
    assert apart * signs.STEP_MS >= 200
    assert told(RHYTHMS[one]) != told(RHYTHMS[other]) or lengths_differ(RHYTHMS[one], RHYTHMS[other])


def lengths_differ(one: str, other: str) -> bool:
    """Whether flashes of the same order differ by half their length, and by 0.4 s, somewhere."""
    pairs = list(zip(runs(one), runs(other)))
    return any(max(a, b) >= 1.5 * min(a, b) and abs(a - b) >= 2 for (_, a), (_, b) in pairs)


def test_the_words_differ() -> None:
    words = [signs.in_words(rhythm) for rhythm in RHYTHMS.values()]
    assert len(set(words)) == len(words)
    assert signs.in_words(RHYTHMS["FAULT_HOT"]) == "one long, two short flashes"
    assert signs.in_words(RHYTHMS["READY"]) == "one short flash"


@pytest.mark.parametrize("name", RHYTHMS)
def test_nothing_flashes_more_than_three_times_in_a_second(name: str) -> None:
    twice = RHYTHMS[name] * 2
    second = 1000 // signs.STEP_MS
    for i in range(1, signs.STEPS + 1):
        assert sum(twice[j] == "#" and twice[j - 1] == "." for j in range(i, i + second)) <= 3


def test_every_state_and_class_has_a_light_and_says_what_to_do() -> None:
    assert len({name for name, *_ in signs.LIGHTS}) == len(signs.LIGHTS)
    states = {name for name, _, values in schema.ENUMS if name == "STATE" for _, name, _ in values}
    # At rest the light is READY or what is in its way; armed it is the button that is waited for; a fault has classes.
    assert states - {"IDLE", "ARMED", "FAULT"} <= set(RHYTHMS)
    assert set(signs.FAULT_CLASSES) <= set(RHYTHMS)
    assert {light for _, light, *_ in schema.FAULTS} == set(signs.FAULT_CLASSES)
    for _, colour, _, means, todo in signs.LIGHTS:
        assert colour in signs.COLOURS
        assert means.endswith(".") and todo.endswith(".")


def test_faults_and_nothing_else_begin_with_a_long_flash_before_short_ones() -> None:
    for name, rhythm in RHYTHMS.items():
        flashes = signs.flashes(rhythm)
        counted = flashes[0] == LONG and set(flashes[1:]) == {1}
        assert counted == name.startswith("FAULT_"), name
        if counted:
            assert len(rhythm) - len(rhythm.rstrip(".")) > LONG, "a pause that cannot be taken for one of the others"


def test_sounds_are_few_and_differ() -> None:
    assert len(signs.SOUNDS) == 4
    assert len({signs.in_words(rhythm) for _, rhythm, _ in signs.SOUNDS}) == 4
    for _, rhythm, means in signs.SOUNDS:
        assert len(rhythm) == signs.SOUND_STEPS and rhythm[-1] == "." and means.endswith(".")


def test_device_and_host_have_the_table() -> None:
    for name, colour, rhythm, means, todo in signs.LIGHTS:
        word = getattr(m, f"SIGN_{name}")
        assert word < 1 << 30
        assert word >> signs.STEPS == signs.COLOURS[colour]
        assert word & (1 << signs.STEPS) - 1 == signs.lit(rhythm)
        assert w.SIGNS[word][:3] == (name, colour, rhythm)
        assert w.SIGNS[word][4:] == (means, todo)
    for name, rhythm, _ in signs.SOUNDS:
        assert getattr(m, f"SOUND_{name}") == signs.lit(rhythm)


@pytest.mark.parametrize(("name", "light", "latches"), [row[:3] for row in schema.FAULTS])
def test_the_device_knows_the_class_of_every_fault(name: str, light: str, latches: bool) -> None:
    code = getattr(m, f"CODE_{name}")
    if code >= m.FAULTS_DOSE:
        assert light == "FAULT_DOSE"
    else:
        assert m.FAULT_SIGNS[m.FAULT_CLASS[code - m.FAULTS_FIRST] - 48] == getattr(m, f"SIGN_{light}")
    assert (w.CODES[code].light, w.CODES[code].latches) == (light, latches)
