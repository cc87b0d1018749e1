# SPDX-License-Identifier: Apache-2.0
"""Lets a peer heat in the place of ours: the same plant, sensors and bursts, and a supervisor that does not stop it."""

from typing import Any

from heat_loop import HeatLoop
from loop import TICKS_S, Session, run_steam
from peers import esphome_style, klipper, marlin_style, simple
from peers.base import Peer, Tuner
from peers.ideal_wall import IdealWall
from plants import Case

from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.heat.steam import demand_dw, loss_dw
from podsteam_firmware.safety.supervisor import Supervisor
from podsteam_protocol.messages import REGIME_HEAT, REGIME_IDLE

Gains = tuple[float, float, float]
SENSORS = ("water", "wall", "true wall")
"""The last is the true wall plus the wall sensor's offset, which nobody can know; without noise or lag."""
TUNE_MAX_S = 4000.0

PEERS: dict[str, tuple[Any, Any]] = {
    "simple_pid": (simple.tuner, simple.SimplePid),
    "klipper": (klipper.tuner, klipper.Klipper),
    "esphome_style": (esphome_style.tuner, esphome_style.EsphomeStyle),
    "marlin_style": (marlin_style.tuner, marlin_style.MarlinStyle),
}
"""Name in the figures: its tuning experiment and the controller that takes its gains."""


class Lenient(Supervisor):
    """The supervisor without its verdicts: its detectors know our controller's ways and not a peer's."""

    def trip(self, code: int, detail: int) -> None:
        """Nothing."""


class Seat:
    """Sits where the firmware's `Heat` sits and passes on to a peer. `sensor` is one of `SENSORS`."""

    regime = REGIME_IDLE
    wanted = False
    duty_permille = 0
    steam_ok = False

    def __init__(self, peer: Peer | Tuner, sensor: str, loop: HeatLoop, offset_k: float) -> None:
        self._offset_k = offset_k
        self._peer = peer
        self._sensor = sensor
        self._loop = loop
        self._wait = 0
        self._begin_s = 0.0

    def reading_c(self) -> float:
        """What the peer sees."""
        if self._sensor == "true wall":
            return self._loop.plant.state()[0] + self._offset_k
        sense = self._loop.sense
        return (sense.wall_mc if self._sensor == "wall" else sense.water_mc) / 1000

    def start(self, target_c: float) -> None:
        """Ask for heat."""
        self.wanted = True
        self.regime = REGIME_HEAT
        self._begin_s = self._loop.seconds
        self._peer.start(target_c, self.reading_c())

    def step(self, _now_ms: int, _sense: object) -> None:
        """Called every 100 ms, as `Heat` is."""
        if not self.wanted:
            return
        self._wait -= 100
        if self._wait <= 0:
            self._wait = self._peer.period_ms
            duty = self._peer.step(self._loop.seconds - self._begin_s, self.reading_c())
            self.duty_permille = round(1000 * duty)


def seated(case: Case, peer: Peer | Tuner, sensor: str, session: int = 1) -> tuple[HeatLoop, Seat]:
    """A cold plant with the peer before it."""
    loop = HeatLoop(case.plant(session), element_w=case.element_w)
    seat = Seat(peer, sensor, loop, case.constants.wall_offset_mc / 1000)
    loop.heat = seat  # type: ignore[assignment]
    loop.supervisor = Lenient()
    return loop, seat


def tuned(name: str, case: Case, sensor: str, target_c: float) -> tuple[Gains, float]:
    """The gains that a peer's own tuning finds on this plant, and how long it took, s."""
    experiment: Tuner = PEERS[name][0]()
    loop, seat = seated(case, experiment, sensor)
    seat.start(target_c)
    assert loop.run(TUNE_MAX_S, lambda: experiment.gains is not None), f"{name} found no gains in {TUNE_MAX_S} s"
    assert experiment.gains
    return experiment.gains, loop.seconds


def make(name: str, gains: Gains | None) -> Any:
    """The peer of that name."""
    return IdealWall() if name == "ideal_wall" else PEERS[name][1](gains)


def end(peer: Any) -> None:
    """Close what the peer has open."""
    if hasattr(peer, "close"):
        peer.close()


def wall_for_steam(case: Case) -> float:
    """True wall temperature at which this plant makes the target in the steady state, degC."""
    boiler = case.plant().boiler
    constants = case.constants
    settings = Settings()
    loss = loss_dw(settings.loss_mw_k, 100_000, int(constants.ambient_c * 1000))
    boiler.run(60.0, constants.element_w)
    watts = demand_dw(case.target_mg_min, 100_000, loss) / 10
    while boiler.steam_g_min <= 0.0:
        boiler.run(10.0, constants.element_w)
    for _ in range(20):
        boiler.add_water(case.constants.water_g - boiler.water_g, boiler.water_c)
        boiler.run(3.0, watts)
        watts += 0.5 * (case.target_mg_min / 1000 - boiler.steam_g_min) * 2257 / 60
    return boiler.wall_c


def peer_steam(name: str, gains: Gains | None, case: Case, target_c: float, seconds: float = 150.0) -> Session:
    """A peer that keeps the wall at `target_c` makes steam from a cold start."""
    peer = make(name, gains)
    loop, seat = seated(case, peer, "true wall" if name == "ideal_wall" else "wall")
    loop.run(1)
    session = Session(loop, loop.seconds, case.target_mg_min)
    seat.start(target_c)
    run_steam(loop, case, seconds, heat_up_s=400.0)
    session.end_s = loop.seconds
    end(peer)
    return session


def hold_run(loop: HeatLoop, target_c: float, seconds: float, what: str = "water") -> tuple[float, float, float]:
    """Overshoot, bias and standard deviation over the run, K, of the true `water` or `wall`: the last two over its
    second half."""
    begin = len(loop.rows)
    loop.run(seconds)
    found = [float(getattr(row, what)) for row in loop.rows[begin:]]
    settled = found[-int(seconds / 2 * TICKS_S) :]
    mean = sum(settled) / len(settled)
    deviation = (sum((value - mean) ** 2 for value in settled) / len(settled)) ** 0.5
    return max(found) - target_c, mean - target_c, deviation
