# SPDX-License-Identifier: Apache-2.0
"""The fast closed loop of the bench: devices that remember from session to session, and what a session shows.

The parts in the loop are the real ones (`heat_loop`): sense, heat, burst and supervisor, on either plant with the
board's electrics and converters. Every session begins cold. Rates are true ones, of the plant; nothing here is read
from the controller unless it says so.
"""

from typing import Any

from heat_loop import HeatLoop, Plant, Row
from plants import Case

from podsteam_firmware.heat.regimes import Heat
from podsteam_firmware.heat.settings import Settings
from podsteam_firmware.store import calibration, learned

T90_WINDOW_S = 2.0
PEAK_WINDOW_S = 5.0
SETTLED_S = 15.0
"""From this long after t90 on the steam counts as settled, for its mean error."""
STEAM_S = 180.0
"""Length of a session's steam, unless the water is short."""
WATER_PART = 0.6
"""Part of the fill that a session boils away at most."""
COOL_S = 150.0
"""How long a device is left to cool after a session before it is switched off: it learns its losses meanwhile."""
GAIN_PERMILLE = (700, 1300)
"""What `podsteam calibrate steam` takes for possible."""
TICKS_S = 20


class Files:
    """As much of a HAL as the stores of parameters need: files in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def file_read(self, name: str, limit: int = 4096) -> bytes | None:
        return self.files.get(name, b"")[:limit] if name in self.files else None

    def file_write(self, name: str, data: bytes) -> bool:
        self.files[name] = bytes(data)
        return True


class Session:
    """One session that is running or over."""

    def __init__(self, loop: HeatLoop, begin_s: float, target_mg_min: int) -> None:
        self.loop = loop
        self.begin_s = begin_s
        """When heat was asked for, s of the loop."""
        self.end_s = 1e9
        """When heat was taken back."""
        self.target = target_mg_min / 1000
        """g/min."""

    @property
    def rows(self) -> list[Row]:
        """The record from asking for heat to taking it back."""
        return [row for row in self.loop.rows if self.begin_s < row.s <= self.end_s]

    def t90_s(self) -> float | None:
        """From asking for heat until the 2 s mean of the true steam reached 90 % of the target; None: it never did."""
        at = reached_s(self.rows, 0.9 * self.target)
        return None if at is None else at - self.begin_s

    def error(self) -> float:
        """Mean true steam from 15 s after t90 to the end, over the target, less 1; -1 when there was never steam."""
        t90 = self.t90_s()
        if t90 is None:
            return -1.0
        rates = [row.steam for row in self.rows if row.s >= self.begin_s + t90 + SETTLED_S]
        return sum(rates) / len(rates) / self.target - 1 if rates else -1.0

    def last_error(self, seconds: float = 60.0) -> float:
        """Mean true steam of the last `seconds` before heat went off, over the target, less 1."""
        rates = [row.steam for row in self.rows if self.end_s - seconds < row.s <= self.end_s]
        return sum(rates) / len(rates) / self.target - 1

    def peak(self) -> float:
        """Highest 5 s mean of the true steam over the target, less 1."""
        return highest(self.rows, PEAK_WINDOW_S) / self.target - 1

    def onset_w(self) -> float:
        """Delivered power when boiling began (true steam passed 5 % of the target), mean of the second before; W."""
        for row in self.rows:
            if row.steam >= 0.05 * self.target:
                return row.power_dw / 10
        return 0.0


def means(rows: list[Row], window_s: float) -> list[float]:
    """Running means of the true steam, one for each row from the first full window on."""
    width = int(window_s * TICKS_S)
    total = sum(row.steam for row in rows[:width])
    result = [total / width]
    for old, new in zip(rows, rows[width:]):
        total += new.steam - old.steam
        result.append(total / width)
    return result


def reached_s(rows: list[Row], rate: float) -> float | None:
    """When the 2 s mean of the true steam first reached `rate` (g/min)."""
    for i, mean in enumerate(means(rows, T90_WINDOW_S)):
        if mean >= rate:
            return rows[i + int(T90_WINDOW_S * TICKS_S) - 1].s
    return None


def highest(rows: list[Row], window_s: float) -> float:
    """Highest running mean of the true steam, g/min."""
    return max(means(rows, window_s))


class Device:
    """One device: its boiler, and what its firmware remembers. Every `begin` is a cold start after a night."""

    def __init__(self, case: Case, cool_s: float = COOL_S) -> None:
        self.case = case
        self.cool_s = cool_s
        self.store = Files()
        self.gain_permille = 1000
        """Calibrated steam gain; 1000: not calibrated."""
        self.sessions = 0

    def begin(self, case: Case | None = None) -> HeatLoop:
        """Switch on with what was learned; `case` is the same device somewhere else, or older."""
        case = case or self.case
        self.sessions += 1
        loop = HeatLoop(case.plant(self.sessions))
        settings = Settings()
        recall: Any = learned.recall
        recall(self.store, settings)
        values = (round(case.element_w * 10), self.gain_permille, *calibration.NEW[2:])
        calibration.apply(values, loop.sense, settings)
        loop.heat = Heat(settings)
        loop.run(1)
        return loop

    def end(self, loop: HeatLoop) -> None:
        """Heat off; what was learned is kept once the relay is open, and again when it has cooled for a while."""
        keep: Any = learned.keep
        loop.heat.off()
        loop.run(1)
        assert keep(self.store, loop.heat)
        loop.run(self.cool_s)
        assert keep(self.store, loop.heat)

    def steam(self, case: Case | None = None, seconds: float = STEAM_S) -> Session:
        """A whole session at the case's target: cold start, `seconds` of steam while the water lasts, end."""
        case = case or self.case
        loop = self.begin(case)
        session = Session(loop, loop.seconds, case.target_mg_min)
        loop.heat.steam(case.target_mg_min)
        run_steam(loop, case, seconds)
        session.end_s = loop.seconds
        self.end(loop)
        return session

    def calibrate(self, session: Session) -> bool:
        """Set the gain from one weighed run, as `podsteam calibrate steam` does: what the balance lost (it shows
        0.1 g) over what the status shows as made. False: impossible, the old one stays."""
        weighed = round(session.loop.plant.steam_g(), 1)
        counted = session.loop.heat.steam_mg / 1000
        gain = round(self.gain_permille * weighed / counted) if counted > 0 else 0
        if weighed < 5.0 or not GAIN_PERMILLE[0] <= gain <= GAIN_PERMILLE[1]:
            return False
        self.gain_permille = gain
        return True


def run_steam(loop: HeatLoop, case: Case, seconds: float, heat_up_s: float = 900.0) -> bool:
    """Wait for steam (half of the target) and let it run for `seconds` while the water lasts; whether it came."""
    plant = loop.plant
    half = case.target_mg_min / 2000
    if not loop.run(heat_up_s, lambda: plant.state()[2] >= half):
        return False
    lasts_s = WATER_PART * case.constants.water_g / (case.target_mg_min / 1000) * 60
    loop.run(min(seconds, lasts_s))
    return True


def full_power_t90_s(case: Case) -> float:
    """t90 of the same plant when the element is on from the second tick to the end."""
    plant: Plant = case.plant()
    width = int(T90_WINDOW_S * TICKS_S)
    window = [0.0] * width
    total = 0.0
    for tick in range(60_000):
        plant.advance(tick >= 2, True, 20000, lambda cycles: (1 << cycles) - 1)
        rate = plant.state()[2]
        total += rate - window[tick % width]
        window[tick % width] = rate
        if total / width >= 0.9 * case.target_mg_min / 1000:
            return (tick + 1 - 2) / TICKS_S
    raise AssertionError("full power never gets there")
