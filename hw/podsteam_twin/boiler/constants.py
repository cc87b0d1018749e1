# SPDX-License-Identifier: Apache-2.0
"""Constants of the simulated device, each with its unit and where it comes from.

No boiler was measured for this. *Hypothesis* marks a value that was chosen inside the range that such appliances
plausibly have; it is to be replaced by a measurement. `hw/boiler/README.md` has the equations and the same table.
"""

from podsteam_twin.boiler.water import saturation_c as saturation_c


class Constants:
    """One device in its surroundings. `Constants(altitude_m=1500.0, scale_mm=0.1)` makes one that differs."""

    # Surroundings ------------------------------------------------------------------------------------------
    mains_v = 230.0
    """V effective, the European nominal voltage (EN 50160 allows +-10 %)."""
    mains_mhz = 50000
    """Mains frequency in mHz: 50000 or 60000."""
    altitude_m = 0.0
    """m above the sea."""
    ambient_c = 20.0
    """degC, room air."""
    start_c = 20.0
    """degC, the whole device and its water at the start."""

    # Element -----------------------------------------------------------------------------------------------
    element_w = 400.0
    """W at 230 V. Hypothesis: product pages of facial steamers give 300 to 600 W."""
    element_error = 0.0
    """Relative error of the element's resistance: 0.05 makes 5 % more resistance, so 4.8 % less power."""
    element_j_k = 35.0
    """J/K, heat capacity of the element. Hypothesis: 10 to 40."""
    element_wall_w_k = 24.0
    """W/K from element to wall. Hypothesis: 10 to 40."""

    # Wall and the surface that boils -----------------------------------------------------------------------
    wall_j_k = 80.0
    """J/K, heat capacity of the wall. Hypothesis: 60 to 150 (90 g of stainless steel at 0.5 J/gK: 45)."""
    wall_loss_w_k = 0.1
    """W/K from wall to room. Hypothesis; with those of water and fittings 29 W at the boiling point."""
    area_m2 = 0.005
    """m2 of wetted wall. Hypothesis: 20 to 80 cm2."""
    convection_w_m2k = 1000.0
    """W/m2K from surface to water without boiling. Hypothesis: 600 to 1500, natural convection in water."""
    boiling_w_m2k3 = 138.4
    """W/m2K3: nucleate boiling flux over the cube of superheat. Rohsenow's correlation for water at 1 atm on
    polished stainless steel (Csf 0.013, n 1): 80 kW/m2 at 8.3 K."""
    critical_w_m2 = 1100000.0
    """W/m2 at most into water: critical heat flux of water at 1 atm (Zuber). Film boiling is not modelled."""
    scale_mm = 0.0
    """mm of lime scale on the wetted wall."""
    scale_w_mk = 2.2
    """W/mK, conductivity of calcium carbonate scale (handbook value; porous scale conducts less)."""

    # Water -------------------------------------------------------------------------------------------------
    water_g = 60.0
    """g in the boiler at the start."""
    capacity_g = 60.0
    """g that it holds. Hypothesis: 40 to 120 for a pot."""
    water_j_gk = 4.186
    """J/gK, liquid water between 15 and 100 degC (steam tables, mean)."""
    dry_g = 8.0
    """g below which the wetted part of the wall shrinks in proportion. Hypothesis: at 400 W the wall then leaves
    its plateau by 3 K with about 3 g left."""
    fittings_j_k = 4.0
    """J/K of sensor pocket and fittings that follow the water and remain when it is gone. Hypothesis."""
    tilted_wet = 0.5
    """Part of the wall that water reaches at most while the device is tilted. Hypothesis."""
    water_loss_w_k = 0.22
    """W/K from water to room, in proportion to the wetted part. Hypothesis: 0.15 to 0.5 for the whole boiler."""
    fittings_loss_w_k = 0.03
    """W/K from fittings to room, water or not. Hypothesis."""
    dry_w_k = 0.05
    """W/K from dry wall to fittings, by vapour and radiation. Hypothesis."""
    cutout_c = 160.0
    """degC of the wall at which the manual-reset bimetal beside the firmware opens. Hypothesis."""

    # Layers of the second plant, which the first has not ------------------------------------------------------
    lower_share = 0.35
    """Part of the water that forms the layer on the wall. Hypothesis: 0.2 to 0.5."""
    mixing_w_k = 10.0
    """W/K between the layers without bubbles. Hypothesis: 5 to 25; a wall that is heated from the side mixes little."""
    bubbling_w_k = 0.04
    """W/K more for each W of nucleate boiling at the wall. Hypothesis: 0.02 to 0.1, bubbles stir."""
    collapse_k = 2.0
    """K of subcooling above the wall's layer at which half of the rising vapour collapses. Hypothesis: 1 to 4."""

    # Outlet ------------------------------------------------------------------------------------------------
    air_g_min = 6.0
    """g/min of room air drawn in at little steam. Hypothesis, with the next: outlet near 45 degC at 4 g/min, as a
    personal steam humidifier's data sheet gives (45 degC at 3.5 g/min)."""
    air_ratio = 2.3
    """g of room air that each g of steam draws in besides. Hypothesis."""
    air_j_gk = 1.006
    """J/gK of air at constant pressure."""
    steam_j_gk = 2.0
    """J/gK of steam near 100 degC (steam tables: 2.04)."""
    outlet_j_k = 4.0
    """J/K of the outlet's nozzle. Hypothesis: settles in about 4 s in steam, 40 s without."""
    outlet_flow_w_k = 0.25
    """W/K from stream to nozzle for each g/min of steam. Hypothesis."""
    outlet_loss_w_k = 0.1
    """W/K from nozzle to room. Hypothesis."""

    # Sensors -----------------------------------------------------------------------------------------------
    wall_lag_s = 1.5
    """s, time constant of the wall's NTC. Hypothesis: 1.5 to 8; the board calls for 3 s at most."""
    water_lag_s = 2.0
    """s, time constant of the water's NTC. Hypothesis: 1.5 to 8."""
    outlet_lag_s = 2.0
    """s, time constant of the outlet's NTC. Hypothesis: 1.5 to 8."""
    wall_offset_mc = 0
    """0.001 K that the wall's NTC shows too much. Parts of +-1 % differ by 1 K at 100 degC."""
    water_offset_mc = 0
    """0.001 K that the water's NTC shows too much."""
    outlet_offset_mc = 0
    """0.001 K that the outlet's NTC shows too much."""
    adc_noise_uv = 400.0
    """uV, standard deviation of a reading after 64 samples. Hypothesis: 3 mV raw; 0.03 K at 100 degC."""
    adc_quantum_uv = 100
    """uV between neighbouring readings: 0.8 mV raw, finer by averaging dithered samples."""
    adc_floor_uv = 142000
    """uV, lowest reading of the classic ESP32's calibrated ADC at 11 dB: its characterisation adds 142 mV at raw 0.
    A grounded input reads this, and an NTC above 168 degC as well."""
    adc_bow_uv = 0.0
    """uV that the NTCs and the reference read too much half way between 150 and 2450 mV, in a parabola down to nothing
    at both ends: what a straight calibration of the classic ESP32 at 11 dB leaves. Two published measurements of
    single parts: 14 mV (iotips.tech, +-7 mV about the best line), 18 mV (lucidar.me). 0 by default, an ideal ADC."""
    adc_gain_error = 0.0
    """Relative error that all channels of the ADC share."""
    mains_sense_error = 0.0
    """Relative error of the mains voltage sense, all of it but `adc_gain_error`. Hypothesis: within 0.02 after
    calibration."""

    def __init__(self, **overrides: float) -> None:
        """Defaults, but for `overrides`. Raises AttributeError for a name that is not a constant."""
        for name in overrides:
            if not hasattr(Constants, name):
                raise AttributeError("no such constant: " + name)
            setattr(self, name, overrides[name])
