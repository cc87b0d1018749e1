# SPDX-License-Identifier: Apache-2.0
"""The simulated board plays the table of lights and sounds: what a person would see and hear in whole sessions."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bench import TOKEN, Bench

from podsteam.wire import messages as w
from podsteam_protocol import messages as m
from podsteam_protocol import signs

LIGHTS = {name: (signs.COLOURS[colour], rhythm) for name, colour, rhythm, *_ in signs.LIGHTS}
KEPT = 1_500
"""Acts that the board remembers: more than it does in `SLICE_S`."""
SLICE_S = 5.0
ROUND_US = signs.STEPS * signs.STEP_MS * 1000


class Watcher:
    """Looks at the lamps of a board, and listens."""

    def __init__(self, interpreter: str, **options: Any) -> None:
        self.bench = Bench(interpreter, keep_trace=KEPT, **options)
        self._seen_us = 0
        self._lamps: list[tuple[int, int]] = [(0, 0)]
        self.heard: list[int] = []
        """SOUND words, in the order of their coming."""

    def look(self, seconds: float) -> None:
        """Let time pass and take down what the lamps and the buzzer did."""
        while seconds > SLICE_S:
            self.look(SLICE_S)
            seconds -= SLICE_S
        self.bench.run(seconds)
        acts = self.bench.control("trace")["acts"]
        assert not acts or len(acts) < KEPT or acts[0][1] <= self._seen_us, "more acts than are remembered"
        for kind, t_us, a, _ in acts:
            if t_us > self._seen_us and kind == "light":
                self._lamps.append((t_us, a))
            elif t_us > self._seen_us and kind == "beep":
                self.heard.append(a)
        self._seen_us = self.bench.twin.now_us

    def lamps(self, t_us: int) -> int:
        """The lamps that were lit then."""
        return [lamps for at_us, lamps in self._lamps if at_us <= t_us][-1]

    def round(self) -> tuple[set[int], str]:
        """Colours and rhythm of the last whole round, each step looked at in its middle."""
        start_us = [at_us for at_us, _ in self._lamps if at_us <= self._seen_us - ROUND_US][-1]
        middles = [start_us + (2 * i + 1) * signs.STEP_MS * 500 for i in range(signs.STEPS)]
        shown = [self.lamps(t_us) for t_us in middles]
        return {lamps for lamps in shown if lamps}, "".join("#" if lamps else "." for lamps in shown)

    def sees(self, name: str, most_s: float = 0.2) -> None:
        """Within `most_s`, and for two rounds, the light is this one."""
        bench = self.bench
        end_us = bench.twin.now_us + int(most_s * 1e6)
        while bench.control("state")["sign"] != getattr(m, f"SIGN_{name}") and bench.twin.now_us < end_us:
            self.look(0.5)
        assert w.SIGNS[bench.control("state")["sign"]].name == name
        self.look(8.2)
        colour, rhythm = LIGHTS[name]
        colours, shown = self.round()
        assert colours == {colour}
        assert shown in rhythm * 2, f"{name}: {shown}"


Watch = Callable[..., Watcher]


@pytest.fixture(params=["cpython", "micropython"])
def watch(request: pytest.FixtureRequest, micropython: str) -> Iterator[Watch]:
    """A function that starts a board, on each interpreter, and watches it."""
    watchers: list[Watcher] = []

    def start(**options: Any) -> Watcher:
        watchers.append(Watcher(request.param, **options))
        return watchers[-1]

    yield start
    for watcher in watchers:
        watcher.bench.twin.close()


def test_a_session_from_beginning_to_end(watch: Watch) -> None:
    watcher = watch()
    bench = watcher.bench
    bench.run(1)
    watcher.sees("READY")
    bench.hello()
    bench.ask(w.ArmRequest(TOKEN, b""))
    watcher.sees("PRESS", 0.1)
    assert watcher.heard == [m.SOUND_CONFIRM]
    bench.press()
    bench.ask(w.StopRequest())
    bench.run(3)
    # The button alone, so that no lease is to be kept.
    bench.press()
    watcher.sees("WARM_UP")
    watcher.sees("STEAM", 250)
    watcher.look(0)
    watcher.heard.clear()
    bench.press()
    watcher.sees("COOLING")
    assert watcher.heard == [m.SOUND_END]
    bench.close()


def test_a_pause_waits_and_then_for_the_button(watch: Watch) -> None:
    watcher = watch()
    bench = watcher.bench
    bench.run(1)
    bench.press()
    bench.hello()
    bench.run(1)
    bench.ask(w.PauseRequest(TOKEN))
    watcher.sees("PAUSED")
    bench.ask(w.ResumeRequest(TOKEN))
    watcher.sees("PRESS", 0.1)
    bench.press()
    watcher.sees("WARM_UP")
    assert watcher.heard == [m.SOUND_START, m.SOUND_CONFIRM, m.SOUND_START]
    bench.close()


def test_what_is_in_the_way_of_a_start(watch: Watch) -> None:
    watcher = watch()
    bench = watcher.bench
    bench.run(1)
    for fault in ("no_water", "tilted", "mains_lost"):
        bench.control("fault", name=fault)
        watcher.sees("NOT_READY", 1)
        bench.control("fault", name=fault, on=False)
        watcher.sees("READY", 1)
    bench.control("insert", podlet="empty")
    watcher.sees("PODLET", 5)
    bench.control("remove")
    watcher.sees("READY", 5)
    assert watcher.heard == []
    bench.close()


@pytest.mark.parametrize(
    ("light", "faults"),
    [
        ("FAULT_POWER", ["ssr_welded"]),
        ("FAULT_HOT", ["water_stuck", "dry"]),
        ("FAULT_DOSE", ["valve_stuck_on"]),
    ],
)
def test_a_fault_shows_its_class_and_again_after_a_reset(light: str, faults: list[str], watch: Watch) -> None:
    watcher = watch()
    bench = watcher.bench
    bench.run(1)
    bench.press()
    watcher.sees("STEAM", 250)
    watcher.look(0)
    watcher.heard.clear()
    for fault in faults:
        bench.control("fault", name=fault)
    watcher.sees(light, 120)
    assert watcher.heard == [m.SOUND_FAULT]
    bench.control("reset", cause="hard")
    watcher.sees(light, 1)
    assert watcher.heard == [m.SOUND_FAULT] * 2
    bench.close()


def test_the_hold_that_clears_a_fault_has_a_light_and_starts_nothing(watch: Watch) -> None:
    watcher = watch()
    bench = watcher.bench
    bench.run(1)
    bench.control("fault", name="wall_open")
    watcher.sees("FAULT_SENSOR", 1)
    bench.control("fault", name="wall_open", on=False)
    bench.run(1)
    bench.control("press", ms=4000)
    bench.run(0.2)
    assert bench.control("state")["sign"] == m.SIGN_CLEAR
    watcher.look(2.5)
    assert watcher.heard == [m.SOUND_FAULT]
    # Cleared after 3 s; the button goes up after 4.
    watcher.look(3)
    assert not bench.saw(w.EventValue.STARTED)
    watcher.sees("READY")
    assert watcher.heard == [m.SOUND_FAULT, m.SOUND_START]
    bench.close()


def test_safe_mode(watch: Watch) -> None:
    watcher = watch(slots=["corrupt", "empty"])
    watcher.sees("SAFE_MODE")
    assert watcher.heard == []
    watcher.bench.close()
