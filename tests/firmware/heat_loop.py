# SPDX-License-Identifier: Apache-2.0
"""Sense, heat and supervisor in a closed loop with a plant: the small boiler, or the simulated board's own parts.

What the core does besides (session, dosing, link) is left out. Times are device time from the loop's start.
"""

from collections.abc import Callable
from typing import Protocol

from small_boiler import SmallBoiler

from podsteam_firmware.heat.burst import Burst
from podsteam_firmware.heat.regimes import Heat
from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.safety.supervisor import Supervisor
from podsteam_firmware.sense import Sense
from podsteam_firmware.signals import Inputs
from podsteam_firmware.ticks import add
from podsteam_protocol import messages as m
from podsteam_twin.boiler.constants import Constants, saturation_c
from podsteam_twin.boiler.plant import Boiler
from podsteam_twin.electrics import Heater
from podsteam_twin.sensors import Sensors

REGIMES = {value: name[7:] for name, value in vars(m).items() if name.startswith("REGIME_")}
NextBurst = Callable[[int], int]


class Plant(Protocol):
    """What the loop asks of a boiler."""

    inputs: Inputs
    boiling_c: float

    def sample(self, now_ms: int) -> None: ...
    def advance(self, heat: bool, relay: bool, cycle_us: int, next_burst: NextBurst) -> None: ...
    def state(self) -> tuple[float, float, float, float]: ...
    def steam_g(self) -> float: ...


class SmallPlant:
    """The small boiler of the tests."""

    def __init__(self, **changes: float) -> None:
        self.boiler = SmallBoiler(**changes)
        self.boiling_c = self.boiler.boiling
        self.inputs = Inputs()
        self._due = 0.0
        self._cycles: list[int] = []

    def sample(self, now_ms: int) -> None:
        self.boiler.sample(self.inputs, now_ms)

    def advance(self, heat: bool, relay: bool, cycle_us: int, next_burst: NextBurst) -> None:
        """50 ms: `heat` False aborts, otherwise bursts of 10 cycles follow one another."""
        self.boiler.relay = relay
        self._due += self.boiler.hz * 0.05
        if not heat:
            self._cycles = []
        while self._due >= 1.0:
            self._due -= 1.0
            if heat and not self._cycles:
                pattern = next_burst(10)
                self._cycles = [pattern >> i & 1 for i in range(10)]
            self.boiler.cycle(bool(self._cycles.pop(0)) if self._cycles else False)

    def state(self) -> tuple[float, float, float, float]:
        """Wall and water in degC, steam in g/min, water in g."""
        boiler = self.boiler
        return boiler.wall, boiler.water, boiler.steam_g_s * 60, boiler.water_g

    def steam_g(self) -> float:
        return self.boiler.steam_g


class TwinPlant:
    """Boiler, mains side and sensors of the simulated board."""

    def __init__(self, seed: int = 1, **changes: float) -> None:
        constants = Constants(**changes)
        self.boiler = Boiler(constants)
        self.heater = Heater(self.boiler, constants)
        self.sensors = Sensors(self.boiler, self.heater.mains, constants, seed)
        self.boiling_c = saturation_c(constants.altitude_m)
        self.inputs = Inputs()
        self._us = 0

    def sample(self, now_ms: int) -> None:
        self.heater.run_to(self._us)
        inputs = self.inputs
        inputs.sampled_ms = now_ms
        inputs.wall_uv = self.sensors.wall_uv()
        inputs.water_uv = self.sensors.water_uv()
        inputs.outlet_uv = self.sensors.outlet_uv()
        inputs.reference_uv = self.sensors.reference_uv()
        inputs.mains_uv = self.sensors.mains_uv()
        inputs.zero_cross = self.heater.zero_cross(self._us)
        inputs.load_halves = self.heater.load_halves
        inputs.burst_halves = self.heater.burst_halves

    def advance(self, heat: bool, relay: bool, cycle_us: int, next_burst: NextBurst) -> None:
        """50 ms, as the firmware's loop drives the board."""
        heater = self.heater
        if not heat and heater.busy(self._us):
            heater.abort(self._us)
        if relay:
            heater.heartbeat(self._us)
        end_us = self._us + 50_000
        while heat:
            if not heater.busy(self._us):
                heater.burst(self._us, next_burst(10), 10, cycle_us)
            if heater.done_us >= end_us:
                break
            self._us = heater.done_us
        self._us = end_us
        heater.run_to(end_us)

    def state(self) -> tuple[float, float, float, float]:
        """Wall and water in degC, steam in g/min, water in g."""
        boiler = self.boiler
        return boiler.wall_c, boiler.water_c, boiler.steam_g_min, boiler.water_g

    def steam_g(self) -> float:
        return self.boiler.steam_g


class Row:
    """One tick of the record."""

    __slots__ = ("duty", "power_dw", "regime", "s", "steam", "steam_ok", "wall", "water", "water_g")

    def __init__(self, s: float, plant: Plant, heat: Heat, sense: Sense) -> None:
        self.s = s
        self.wall, self.water, self.steam, self.water_g = plant.state()
        self.regime = heat.regime
        self.duty = heat.duty_permille
        self.steam_ok = heat.steam_ok
        self.power_dw = sense.power_dw


class HeatLoop:
    """The loop. `run` goes on; `rows` has a row for each tick."""

    def __init__(self, plant: Plant, start_ms: int = 0, element_w: float = 400.0) -> None:
        self.plant = plant
        self.sense = Sense()
        self.sense.element_dw = round(element_w * 10)
        self.heat = Heat(Settings())
        self.supervisor = Supervisor()
        self.burst = Burst()
        self.now_ms = start_ms
        self.ticks = 0
        self.rows: list[Row] = []
        self.spoil: Callable[[Inputs], None] | None = None
        """Called with every tick's inputs before anybody reads them."""
        self.run(1)

    @property
    def seconds(self) -> float:
        return self.ticks / 20

    def _pattern(self, cycles: int) -> int:
        if self.supervisor.weld.testing:
            return self.supervisor.weld.pattern()
        return self.burst.pattern(self.heat.duty_permille, cycles)

    def tick(self) -> None:
        plant, heat = self.plant, self.heat
        plant.sample(self.now_ms)
        if self.spoil:
            self.spoil(plant.inputs)
        self.sense.update(self.now_ms, plant.inputs)
        self.supervisor.step(self.now_ms, plant.inputs, heat.wanted, False)
        if self.ticks % 2 == 0:
            heat.step(self.now_ms, self.sense)
        heat_on = self.supervisor.allow or self.supervisor.weld.testing
        plant.advance(heat_on, self.supervisor.relay, self.sense.cycle_us, self._pattern)
        self.ticks += 1
        self.now_ms = add(self.now_ms, 50)
        self.rows.append(Row(self.seconds, plant, heat, self.sense))

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Go on for `seconds`, or until `until` says so; whether it did."""
        for _ in range(int(seconds * 20)):
            self.tick()
            if until and until():
                return True
        return False

    def regimes(self) -> list[str]:
        """The regimes passed through, in order."""
        names: list[str] = []
        for row in self.rows:
            if not names or names[-1] != REGIMES[row.regime]:
                names.append(REGIMES[row.regime])
        return names

    def mean_steam(self, since_s: float) -> float:
        """Mean true steam rate, g/min, since a time."""
        rows = [row.steam for row in self.rows if row.s >= since_s]
        return sum(rows) / len(rows)

    def peak_steam(self, window_s: float = 5.0) -> float:
        """Highest mean of the true steam rate over `window_s`, g/min."""
        width = int(window_s * 20)
        total = best = sum(row.steam for row in self.rows[:width])
        for old, new in zip(self.rows, self.rows[width:]):
            total += new.steam - old.steam
            best = max(best, total)
        return best / width


def full_power_s(plant: Plant) -> float:
    """Seconds from now until the water boils when the element is on all the time."""
    seconds = 0.0
    for tick in range(40_000):
        plant.advance(tick >= 2, True, 20000, lambda cycles: (1 << cycles) - 1)
        seconds += 0.05
        if plant.state()[1] >= plant.boiling_c - 0.02:
            return seconds - 0.1
    raise AssertionError("it never boils")
