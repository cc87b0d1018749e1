# SPDX-License-Identifier: Apache-2.0
"""A podlet that holds what the device's owner has listed: nothing is dosed until the button was held for 3 s."""

from typing import Any

import pytest
from bench import TOKEN, Bench, Refused

from podsteam.wire import messages as w
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_twin import podlets

LIMONENE, PARFUM = 1 << 21, 1 << 26
PROGRAM = w.Program(
    name=b"short".ljust(16, b"\0"),
    warm_up_max_s=600,
    steam1_mg_min=4000,
    steam1_s=30,
    dose_first_s=5,
    dose_every_s=12,
    dose_count=2,
    end_cdeg=6000,
)


def podlet(allergens: int = LIMONENE) -> dict[str, Any]:
    """What the control port puts in."""
    made = podlets.build({p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20, p.MAIN_ALLERGENS: allergens})
    return {"dump": bytes(made.image()).hex()}


def opened(interpreter: str = "cpython", listed: int = LIMONENE | PARFUM, **inserted: Any) -> Bench:
    bench = Bench(interpreter)
    bench.control("insert", **(inserted or podlet()))
    bench.run(3)
    bench.hello()
    if listed:
        bench.ask(w.AllergensRequest(1, listed))
    return bench


def judged(bench: Bench) -> w.PodletGetReply:
    reply = bench.ask(w.PodletGetRequest())
    assert isinstance(reply, w.PodletGetReply)
    return reply


def run_session(bench: Bench) -> None:
    bench.ask(w.ProgramPutRequest(PROGRAM.pack()))
    bench.ask(w.ArmRequest(TOKEN, PROGRAM.name))
    bench.press()
    bench.run_hosted(400)


def hold(bench: Bench, ms: int = 3300) -> None:
    bench.control("press", ms=ms)
    bench.run_hosted(ms / 1000 + 0.5)


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_it_waits_for_a_hold_and_doses_after_it(interpreter: str, micropython: str) -> None:
    bench = opened(interpreter)
    found = judged(bench)
    assert (found.state, w.CODES[found.note].name) == (w.PodletValue.ALLERGEN, "ALLERGEN")
    assert found.dose_nl == 50_000, "what it would give is told all the same"
    assert bench.ask(w.AllergensRequest(0, 0)) == w.AllergensReply(LIMONENE | PARFUM, LIMONENE, 0)
    hold(bench)
    assert bench.state == w.StateValue.IDLE, "the release after a hold starts nothing"
    assert (w.EventValue.ALLERGEN, LIMONENE, 1) in bench.events
    assert judged(bench).state == w.PodletValue.GUEST
    run_session(bench)
    assert bench.events.count((w.EventValue.ALLERGEN, LIMONENE, 1)) == 2, "the session's record tells it too"
    assert [e[1] for e in bench.events if e[0] == w.EventValue.DOSE_RESULT] == [w.DoseValue.GIVEN] * 2
    bench.close()


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_a_press_alone_steams_and_doses_nothing(interpreter: str, micropython: str) -> None:
    bench = opened(interpreter)
    run_session(bench)
    assert (w.EventValue.ALLERGEN, LIMONENE, 0) in bench.events
    assert not bench.saw(w.EventValue.DOSE_INTENT)
    assert [e for e in bench.events if e[0] == w.EventValue.DOSE_REFUSED] == [
        (w.EventValue.DOSE_REFUSED, w.DoseValue.ALLERGEN, 50_000)
    ]
    assert bench.saw(w.EventValue.STOPPED, w.StopValue.DONE)
    assert judged(bench).doses_used == 0
    bench.close()


def test_the_light_asks_for_it_at_rest_and_while_armed_only() -> None:
    bench = opened()
    core = bench.twin.machine.loop.core  # type: ignore[attr-defined]
    bench.run(1)
    assert core.signs.sign == m.SIGN_CONFIRM
    bench.ask(w.ArmRequest(TOKEN, b""))
    bench.run(0.5)
    assert core.signs.sign == m.SIGN_CONFIRM
    hold(bench)
    assert bench.state == w.StateValue.ARMED and core.signs.sign == m.SIGN_PRESS
    bench.press()
    assert bench.state == w.StateValue.WARM_UP
    bench.close()


def test_a_hold_in_a_session_stops_it_and_agrees_to_nothing() -> None:
    bench = opened()
    bench.start()
    hold(bench)
    assert bench.saw(w.EventValue.STOPPED, w.StopValue.BUTTON)
    bench.run(3)
    assert judged(bench).state == w.PodletValue.ALLERGEN
    bench.close()


def test_each_insertion_is_asked_for_anew_and_a_reset_keeps_the_list() -> None:
    bench = opened()
    hold(bench, 2500)
    assert judged(bench).state == w.PodletValue.ALLERGEN, "2.5 s are not enough, and were a press: it starts"
    bench.ask(w.StopRequest())
    bench.run(3)
    hold(bench)
    assert judged(bench).state == w.PodletValue.GUEST
    bench.control("remove")
    bench.run(2)
    bench.control("insert", **podlet())
    bench.run(2)
    assert judged(bench).state == w.PodletValue.ALLERGEN
    hold(bench)
    bench.control("reset")
    bench.run(3)
    bench.hello()
    assert judged(bench).state == w.PodletValue.ALLERGEN
    assert bench.ask(w.AllergensRequest(0, 0)).allergens == LIMONENE | PARFUM
    bench.close()


def test_what_is_not_listed_asks_nothing_and_a_change_is_judged_at_once() -> None:
    bench = opened(listed=PARFUM)
    assert judged(bench).state == w.PodletValue.GUEST
    bench.ask(w.AllergensRequest(1, LIMONENE))
    assert judged(bench).state == w.PodletValue.ALLERGEN
    hold(bench)
    bench.ask(w.AllergensRequest(1, LIMONENE | 1))
    assert judged(bench).state == w.PodletValue.ALLERGEN, "another list, another question"
    bench.ask(w.AllergensRequest(1, 0))
    assert judged(bench).state == w.PodletValue.GUEST
    with pytest.raises(Refused, match="OUT_OF_RANGE"):
        bench.ask(w.AllergensRequest(1, 1 << 30))
    bench.start()
    with pytest.raises(Refused, match="BUSY_SESSION"):
        bench.ask(w.AllergensRequest(1, 1))
    bench.close()


def test_what_a_host_writes_onto_the_tag_is_asked_for_anew() -> None:
    bench = opened(listed=LIMONENE | PARFUM)
    hold(bench)
    found = judged(bench)
    assert found.state == w.PodletValue.GUEST
    # The first usage slot: whatever it is, a tag that was written is judged from the beginning.
    core: Any = bench.twin.machine.loop.core  # type: ignore[attr-defined]
    page = core.reader.record.aux_at // 4
    assert bench.ask(w.PodletWriteRequest(found.uid, page, bytes(16))).state == w.WriteValue.BUSY
    bench.run(3)
    assert judged(bench).state == w.PodletValue.ALLERGEN
    bench.close()
