# SPDX-License-Identifier: Apache-2.0
"""A plant that nobody here wrote: the model of the Temperature Control Lab in PyPI `tclab` (Apache-2.0).

Two heaters on one board, each with a sensor that lags it by 140 s; 60 K above the room at full power, settled after
about ten minutes. Its readings come in steps of 0.3223 K and have noise of 0.043 K. Slow and without boiling: it tells
about HOLD only. Its step of integration is 0.2 s at most, whatever the caller's.
"""

import contextlib
import io
import random

from tclab.tclab import TCLabModel


class _Model(TCLabModel):
    """The model with a noise sequence of its own, so that a seed gives the same run again."""

    def __init__(self, seed: int) -> None:
        self._noise = random.Random(seed)
        with contextlib.redirect_stdout(io.StringIO()):  # It greets.
            super().__init__(synced=False)
        # It would count from the wall clock.
        self.tstart = self.tlast = self.tnow = 0.0

    def measurement(self, T: float) -> float:  # noqa: N803
        """As the package's own, but for where the noise comes from."""
        return float(self.quantize(T + self._noise.normalvariate(0, 0.043)))


class TclabPlant:
    """First heater and first sensor, cold. Time passes only in `step`."""

    ambient_c = 21.0
    """degC, the model's room."""

    def __init__(self, seed: int = 1, other_percent: float = 0.0) -> None:
        """`seed` decides the noise. `other_percent`: the second heater, beside, is on so far: a disturbance."""
        self._model = _Model(seed)
        self._model.Q2(other_percent)
        self.seconds = 0.0
        """Simulated since the start."""

    @property
    def true_c(self) -> float:
        """The sensor's temperature in degC before noise and rounding."""
        return float(self._model._T1)

    @property
    def heater_c(self) -> float:
        """The heater's temperature in degC, which nothing measures."""
        return float(self._model._H1)

    def disturb(self, other_percent: float) -> None:
        """Set the second heater, 0 to 100 %, from now on."""
        self._model.Q2(other_percent)

    def step(self, dt_s: float, power_permille: float) -> float:
        """Go on by `dt_s` seconds at `power_permille` of heater 1, cut to 0 to 1000. Returns a reading in degC."""
        self._model.Q1(power_permille / 10)
        self.seconds += dt_s
        self._model.update(self.seconds)
        return self._model.measurement(self._model._T1)
