# SPDX-License-Identifier: Apache-2.0
"""What the heater has learned of its boiler, kept from session to session: parameter set "heat", in two copies.

Every value is within the bounds that the learner itself keeps, else the whole set is left alone.
"""

from podsteam_firmware.store import params

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from podsteam_firmware.hal.verbs import Hal
    from podsteam_firmware.heat.regimes import Heat
    from podsteam_firmware.heat.settings import Settings
    from podsteam_firmware.store.params import Values


def _first(values: "Values") -> "Values":
    """Version 1 knew boiling point, heat capacity and room only: the rest is as compiled in, and not learned."""
    return values + (130, 8000, 0, 350, 0, 0, 0, 0)


HEAT = (("<iii", None), ("<iiiHHHHHiHi", _first))
"""Boiling point as the water sensor shows it (milli-degC), heat capacity of all (J/K), room (milli-degC); heat capacity
of the metal (J/K), lag of the water sensor (ms) and whether it was learned, loss (mW/K) and whether it was learned,
superheat of the clean wall (milli-K) at a power (0.1 W, 0: none), excess resistance of the wall (milli-K/kW)."""
_LOW = (84_000, 74, 5_000, 40, 500, 0, 100, 0, -40_000, 0, -500_000)
_HIGH = (104_000, 1_200, 40_000, 300, 9_000, 1, 1_000, 1, 40_000, 8_000, 500_000)


def _plausible(values: "Values") -> bool:
    if values[0] == 0:
        # A tuning alone: nothing has boiled yet.
        values = (_LOW[0],) + values[1:]
    return all(_LOW[i] <= values[i] <= _HIGH[i] for i in range(len(_LOW)))


def recall(hal: "Hal", settings: "Settings") -> None:
    """Put what was learned into `settings`; what is not plausible is left alone."""
    values, _ = params.load(hal, "heat", HEAT)
    if values is None or not _plausible(values):
        return
    settings.boiling_mc, settings.capacity_j_k, settings.ambient_mc, settings.metal_j_k = values[:4]
    settings.water_lag_ms, settings.lag_known, settings.loss_mw_k, settings.loss_known = values[4:8]
    settings.superheat_mc, settings.superheat_dw, settings.excess_mk_kw = values[8:]


def keep(hal: "Hal", heat: "Heat") -> bool:
    """Keep what `heat` has learned, if it is plausible and new. Only while the relay is open. False: it failed."""
    settings = heat.settings
    energy = heat.energy
    values = (heat.point_mc(), energy.capacity_j_k, energy.ambient_mc, energy.metal_j_k)
    values += (settings.water_lag_ms, settings.lag_known, settings.loss_mw_k, settings.loss_known)
    values += (settings.superheat_mc, settings.superheat_dw, settings.excess_mk_kw)
    if not _plausible(values) or params.load(hal, "heat", HEAT) == (values, False):
        return True
    return params.save(hal, "heat", HEAT, values)
