# SPDX-License-Identifier: Apache-2.0
"""Healthy units in ordinary use, hour after hour: nothing may trip.

One life is an hour of one unit from the envelope, whose constants the firmware does not know: it works with its
compiled-in ones, so most are off by 30 % and more. People run sessions of all kinds, stop some by hand, pour in cold
water before and during a session, tip nothing and break nothing. The mains sags and swells within what the public
network may, and is gone for a half-cycle now and then. A trip is any fault, and any session that is ended for want of
water, mains or an upright stand that were there. One that ends because much cold water stopped its steam, or to rest,
is counted apart.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from published import Mapped, Rows, row
from unit import Unit

from podsteam.wire import messages as w
from podsteam_twin.boiler import envelope

HOUR_S = 3600.0
ROOM_G = 60.0
SPARE_G = 6.0
"""Water that must be left over what keeps the wall covered; people fill up before."""
SLICE_S = 1.0
RATED_V = 230.0
SAG = (0.87, 1.08)
"""Of the rated voltage, within a session."""
RIGHT = {"NONE", "DONE", "BUTTON", "NOT_STARTED"}
APART = {"NO_STEAM", "REST"}
"""Ends early with cause: steam that much cold water stopped; heat for half an hour on end, which wants rest."""


@dataclass
class Life:
    """What one hour showed."""

    seed: int
    seconds: float = 0.0
    sessions: int = 0
    steam_s: float = 0.0
    trips: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)
    """Sessions that ended early though nothing tripped."""


class Home:
    """A unit and the people around it."""

    def __init__(self, seed: int, interpreter: str) -> None:
        self._chance = random.Random(seed)
        self.plant = envelope.draw(seed, refill_g=ROOM_G)
        self.unit = Unit(interpreter, seed, self.plant, podlet="demo" if seed % 3 else None)
        self.life = Life(seed)
        self._seen = 0
        self._volts = self.plant["mains_v"]

    def _program(self) -> w.Program:
        """A session of any kind that this boiler can run."""
        chance = self._chance
        most = max(int(envelope.full_mg_min(self.plant) * 0.9), 800)
        hold = chance.random() < 0.4
        return w.Program(
            name=b"life".ljust(16, b"\0"),
            hold_cdeg=chance.choice((4500, 6000, 7500)) if hold else 0,
            hold_s=chance.choice((30, 120)) if hold else 0,
            warm_up_max_s=900,
            steam1_mg_min=chance.randrange(700, min(most, 12000) + 1),
            steam1_s=chance.choice((60, 180, 420)),
            steam2_mg_min=chance.randrange(700, min(most, 12000) + 1),
            steam2_s=chance.choice((0, 60, 240)),
            dose_first_s=15,
            dose_every_s=30,
            dose_count=chance.randrange(5),
            end_cdeg=6000,
        )

    def _fill(self) -> None:
        """Pour in cold water, as far as there is room."""
        self.unit.control("refill", g=self._chance.uniform(10, 60), c=self._chance.uniform(5, 20))

    def _mains(self) -> None:
        """The network's voltage wanders, steps, and is gone for a moment."""
        chance = self._chance
        way = chance.randrange(12)
        if way == 0:
            self._volts = RATED_V * chance.uniform(*SAG)
            self.unit.control("fault", name="mains_sag", value=self._volts)
        elif way == 1:
            self._volts = min(max(self._volts * chance.uniform(0.98, 1.02), RATED_V * SAG[0]), RATED_V * SAG[1])
            self.unit.control("fault", name="mains_sag", value=self._volts)
        elif way == 2:
            self.unit.control("fault", name="mains_lost")
            self.unit.bench.run(chance.choice((0.01, 0.015, 0.02)))
            self.unit.control("fault", name="mains_lost", on=False)
            self.unit.control("fault", name="mains_sag", value=self._volts)

    def _water_low(self) -> bool:
        return self.unit.truth()["water_mg"] < 1000 * (self.plant["dry_g"] + SPARE_G)

    def _look(self) -> None:
        """Note what tripped since the last look."""
        for event, a, b in self.unit.bench.events[self._seen :]:
            at = f"at {self.unit.now_us / 1e6:.0f} s"
            if event == w.EventValue.FAULT:
                known = w.CODES.get(a)
                self.life.trips.append(f"{known.name if known else a} ({b}) {at}")
            elif event == w.EventValue.STOPPED and w.StopValue(a).name not in RIGHT and not b:
                reason = w.StopValue(a).name
                if reason in APART:
                    self.life.stops.append(reason)
                else:
                    self.life.trips.append(f"{reason} {at}")
        self._seen = len(self.unit.bench.events)
        truth = self.unit.truth()
        if truth["latched"] and not self.life.trips:
            self.life.trips.append(f"latched {truth['latched']}")
        if truth["crashes"]:
            self.life.trips.append("stopped with an exception")

    def _session(self) -> None:
        """One session to its end, or until somebody stops it."""
        chance = self._chance
        unit = self.unit
        # A unit that was just switched on is used at once, or as any other.
        unit.run(chance.uniform(0, 4) if self.life.sessions == 0 else chance.uniform(2.5, 20))
        if unit.truth()["state"] != w.StateValue.IDLE and chance.random() < 0.5:
            unit.run(chance.uniform(30, 300))
        if self._water_low() or chance.random() < 0.3:
            self._fill()
        unit.bench.ask(w.ProgramPutRequest(self._program().pack()))
        unit.bench.ask(w.ProgramDefaultRequest(b"life".ljust(16, b"\0")))
        unit.run(chance.uniform(0.1, 1.5))
        self.life.sessions += 1
        unit.press()
        stop_s = chance.uniform(5, 900) if chance.random() < 0.25 else 1e9
        begin_us = unit.now_us
        while not self.life.trips and (unit.now_us - begin_us) / 1e6 < 1500:
            unit.run(SLICE_S)
            truth = unit.truth()
            self.life.steam_s += SLICE_S if truth["steam_mg_min"] > 300 else 0.0
            self._look()
            if truth["state"] not in (w.StateValue.WARM_UP, w.StateValue.STEAM):
                break
            if chance.random() < 0.03:
                self._mains()
            if self._water_low() or chance.random() < 0.002:
                self._fill()
            if (unit.now_us - begin_us) / 1e6 > stop_s:
                unit.press()
                break
        unit.run(chance.uniform(1, 5))
        self._look()

    def run(self, seconds: float) -> Life:
        """Live for so long, or until something tripped."""
        self.unit.run(1.0)
        self.unit.bench.hello()
        while not self.life.trips and self.unit.now_us < seconds * 1e6:
            self._session()
        self.life.seconds = self.unit.now_us / 1e6
        self.unit.close()
        return self.life


def live(seed: int, seconds: float = HOUR_S, interpreter: str = "cpython") -> Life:
    """One life."""
    return Home(seed, interpreter).run(seconds)


def trips_row(name: str, lives: list[Life], hours: int) -> dict[str, Any]:
    """The figure of some lives."""
    trips = [f"unit {life.seed}: {trip}" for life in lives for trip in life.trips]
    stops = Counter(stop for life in lives for stop in life.stops)
    lived = sum(life.seconds for life in lives) / 3600
    context = (
        f"in {lived:.0f} simulated hours of {len(lives)} drawn units with {sum(life.sessions for life in lives)} "
        f"sessions (refills, sags, altitude, constants unknown to the firmware)"
    )
    if stops:
        context += "; no fault, but ended early: " + ", ".join(f"{what} {n}" for what, n in sorted(stops.items()))
    context += "".join(f"; {trip}" for trip in trips[:6])
    return row(__name__, name, len(trips), "", f"0 in {hours:,} h", not trips and lived >= hours, context)


def figures(mapped: Mapped, brief: bool, hours: int = 1000, first: int = 1) -> Rows:
    """Healthy units in ordinary use, `hours` of them."""
    lives = list(mapped(live, range(first, first + (2 if brief else hours))))
    return [trips_row("safety/false_trips_long", lives, hours)]
