# SPDX-License-Identifier: Apache-2.0
"""A simulated unit with a hand at its button and, where it is wanted, a host that keeps its lease alive.

`reach` brings it into one of `STATES`, the same way whatever the plant.
"""

from typing import Any

from bench import Bench

from podsteam.wire import messages as w
from podsteam_protocol import frame
from podsteam_twin.boiler import envelope

STATES = (*("IDLE", "ARMED", "PROBE", "HEAT", "WARM_UP", "APPROACH", "HOLD", "STEAM", "DOSING", "PAUSED", "COOLING"),)
"""WARM_UP begins where PROBE does and goes on through HEAT."""
HOLD_CDEG = 6000
HOLD_S = 600
LEASE_US = 500_000
SLICE_S = 0.1


def program(plant: dict[str, float], is_drawn: bool, hold: bool, steam_s: int = 180) -> w.Program:
    """What the button starts: gentle steam, or what a drawn plant can make; keeping warm first, where that is meant."""
    rate = min(max(envelope.target_mg_min(plant), 500), 12000) if is_drawn else 4000
    return w.Program(
        name=b"cell".ljust(16, b"\0"),
        hold_cdeg=HOLD_CDEG if hold else 0,
        hold_s=HOLD_S if hold else 0,
        warm_up_max_s=900,
        steam1_mg_min=rate,
        steam1_s=steam_s,
        dose_first_s=20,
        dose_every_s=40,
        dose_count=4,
        end_cdeg=6000,
    )


class Unit:
    """One run of one unit. `hosted`: a host starts the session, so that it lives on that host's lease."""

    TOKEN = 0x0A0B0C0D

    def __init__(
        self,
        interpreter: str,
        seed: int,
        plant: dict[str, float],
        hosted: bool = False,
        drawn: bool = False,
        **more: Any,
    ) -> None:
        unix_s = more.pop("unix_s", 0)
        self.steam_s = more.pop("steam_s", 180)
        self.bench = Bench(interpreter, seed=seed, plant=plant, unix_s=unix_s, **more)
        self.hosted = hosted
        self.plant = plant
        self.drawn = drawn
        self._lease_us = 0
        self._seq = 0

    @property
    def now_us(self) -> int:
        """Virtual time."""
        return int(self.bench.twin.now_us)

    def control(self, do: str, **arguments: Any) -> dict[str, Any]:
        """A command of the control port."""
        return self.bench.control(do, **arguments)

    def truth(self) -> dict[str, Any]:
        """The true state."""
        return self.bench.control("state")

    def close(self) -> None:
        """Done with it."""
        self.bench.twin.close()

    def run(self, seconds: float) -> None:
        """Let time pass, in slices; a host that is there renews its lease every half second."""
        end_us = self.now_us + int(seconds * 1e6 + 0.5)
        while self.now_us < end_us:
            if self.hosted and self.now_us >= self._lease_us:
                self._lease_us = self.now_us + LEASE_US
                self._renew()
            self.bench.run(min(SLICE_S, (end_us - self.now_us) / 1e6))

    def _renew(self) -> None:
        """Send the lease, and do not wait for the reply: the line may be broken."""
        self._seq = 128 + (self._seq + 1) % 128
        data = frame.encode(w.LeaseRequest.ID, self._seq, w.LeaseRequest(self.TOKEN).pack())
        self.bench.send(data)

    def press(self) -> None:
        """Press and release the button."""
        self.control("press")
        self.run(0.5)

    def until(self, key: str, value: int, most_s: float = 700, slice_s: float = SLICE_S) -> None:
        """Run until the truth says so."""
        end_us = self.now_us + int(most_s * 1e6)
        while self.truth()[key] != value:
            assert self.now_us < end_us, f"never saw {key} {value}: {self.truth()}"
            self.run(slice_s)

    def reach(self, state: str) -> None:
        """From the start into one of `STATES`."""
        self.run(1)
        self.bench.hello()
        if self.drawn or state == "HOLD":
            chosen = program(self.plant, self.drawn, state == "HOLD", self.steam_s)
            self.bench.ask(w.ProgramPutRequest(chosen.pack()))
            self.bench.ask(w.ProgramDefaultRequest(chosen.name))
            self.run(1)
        if state == "IDLE":
            return
        if self.hosted:
            self.bench.ask(w.ArmRequest(self.TOKEN, b""))
        if state == "ARMED":
            return
        self.press()
        if state == "WARM_UP":
            return
        if state in w.RegimeValue.__members__ and state != "STEAM":
            self.until("regime", w.RegimeValue[state])
            return
        self.until("state", w.StateValue.STEAM)
        if state == "DOSING":
            self.until("coil_on", True, 120, 0.01)
        elif state == "PAUSED":
            self.bench.ask(w.PauseRequest(self.TOKEN))
        elif state == "COOLING":
            self.press()
            self.until("state", w.StateValue.COOLING, 5)
