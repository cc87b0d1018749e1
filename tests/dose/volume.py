# SPDX-License-Identifier: Apache-2.0
"""Valves drawn at random: a session through the firmware's widths and the simulated valve, weighed, calibrated, worn.

What is drawn are hypotheses (a catalogue valve: gain within +-25 %, dead time 2 to 5 ms, 2 % from shot to shot); the
liquid's flow differs from what its podlet tells by 1.5 %, and by 2 to 2.4 % for each kelvin.
"""

from podsteam import dosing
from podsteam.wire.messages import DoseCalibration
from podsteam_firmware.dose import calibration
from podsteam_firmware.dose.caps import Caps
from podsteam_twin.rng import Rng
from podsteam_twin.valve import Valve

SCALE_MG = 1.0
"""What the scale shows; its error is half of it, evenly."""
WEAR_PULSES = 400


class Fed:
    """A supply that is always there."""

    drop_us = 1 << 60

    def fed(self, t_us: int) -> bool:
        return True


class Bench:
    """One valve with its calibration."""

    def __init__(self, seed: int) -> None:
        self.chance = Rng(seed)
        self.gain = 1 + self._even(0.25)
        self.flow = 150 + self.chance.bits(9)
        """nL/ms as the podlet tells."""
        self.liquid = 1 + self._even(0.015)
        self.per_kelvin = 0.02 + 0.004 * self.chance.uniform()
        self.dose_nl = 20_000 + self.chance.bits(16)
        self.valve = Valve(Fed(), dead_ms=2.0 + 3 * self.chance.uniform())
        self.valve.wear_us = 0.3 * self.chance.uniform()
        self.valve.wear_flow = 4e-5 * self.chance.uniform()
        self.worn = 1.0
        self.t_us = 0
        self.calibration: DoseCalibration = dosing.NEW

    def _even(self, most: float) -> float:
        return most * (2 * self.chance.uniform() - 1)

    def session(self, volume_nl: int, shots: int, room_c: float, known_c: float) -> float:
        """Delivered by some shots, nL. `known_c`: what the device takes the room for."""
        caps = Caps()
        values = calibration.NEW if self.calibration == dosing.NEW else _values(self.calibration)
        calibration.apply(values, caps, int(known_c * 1000))
        valve = self.valve
        before = valve.delivered_nl
        for _ in range(shots):
            warm = 1 + self.per_kelvin * (room_c - 22)
            valve.flow_nl_ms = self.flow * self.gain * self.liquid * warm * self.worn * (1 + 0.02 * self.chance.noise())
            self.worn *= 1 - valve.wear_flow
            width_us = caps.width_us(volume_nl, self.flow)
            self.t_us += 1_000_000
            valve.pulse(self.t_us, width_us)
            valve.run_to(self.t_us + width_us)
        return valve.delivered_nl - before

    def calibrate(self, room_c: float) -> None:
        """Four runs of ten shots on the scale, as `podsteam calibrate dose` makes them."""
        runs: list[dosing.Run] = []
        for volume_nl in (self.dose_nl // 4, self.dose_nl) * 2:
            mg = self.session(volume_nl, 10, room_c, room_c) / 1000 + self._even(SCALE_MG / 2)
            runs.append(dosing.Run(volume_nl, 10, round(mg / SCALE_MG) * SCALE_MG))
        self.calibration = dosing.calibrated(self.calibration, dosing.line(runs), self.flow, runs, room_c, 0)

    def error(self, shots: int = 10) -> float:
        """Of a session in a room of 16 to 30 degC, which the device knows to 1 K; relative."""
        room_c = 16 + 14 * self.chance.uniform()
        delivered = self.session(self.dose_nl, shots, room_c, room_c + self._even(1.0))
        return delivered / (shots * self.dose_nl) - 1

    def wear(self) -> None:
        """Some hundred pulses of use."""
        valve = self.valve
        for _ in range(WEAR_PULSES):
            self.worn *= 1 - valve.wear_flow
            valve._worn_us += valve.wear_us


def _values(calibrated: DoseCalibration) -> tuple[int, ...]:
    c = calibrated
    return (c.gain_permille, c.dead_us, c.p95_permille, c.temp_cdeg, c.temp_permille_k, c.pulses, c.day)


def p95(errors: list[float]) -> float:
    """19 of 20 err by no more."""
    ranked = sorted(abs(each) for each in errors)
    return ranked[(len(ranked) * 95 + 99) // 100 - 1]
