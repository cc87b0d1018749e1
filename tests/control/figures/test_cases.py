# SPDX-License-Identifier: Apache-2.0
"""The nominal device: its steam error, at altitude, and through a sag of the mains."""

from publish import Publisher, Recorder
from runs import SAG_S, nominal_pair, sag, shared, spread

SEEDS = range(1, 11)


def test_nominal_error(record_figure: Recorder) -> None:
    rows = shared(nominal_pair, [(seed, "lumped", 0.0) for seed in SEEDS])
    other = shared(nominal_pair, [(seed, "layered", 0.0) for seed in SEEDS])
    errors = [100 * abs(calibrated.error) for _, _, calibrated in rows]
    context = f"worst of {len(rows)} seeds, nominal boiler, calibrated: {spread(errors)} %; uncalibrated "
    context += f"{spread((abs(use.error) for _, use, _ in rows), 100)} %; layered, calibrated "
    context += f"{spread((abs(use.error) for _, _, use in other), 100)} %"
    publisher = Publisher(record_figure)
    publisher.row("steam_mean_error", max(errors), "%", 2.0, context)
    peaks = [100 * use.peak for _, use, _ in rows]
    context = f"worst of {len(rows)} seeds, nominal boiler after one session: {spread(peaks)} %; first use "
    context += (
        f"{spread((use.peak for use, _, _ in rows), 100)} %; layered {spread((u.peak for _, u, _ in other), 100)} %"
    )
    publisher.row("steam_peak_5s_nominal", max(peaks), "%", 10.0, context)
    ratios = [use.ratio for _, use, _ in rows]
    context = f"worst of {len(rows)} seeds, nominal boiler after one session: {spread(ratios)}; first use "
    context += f"{spread(use.ratio for use, _, _ in rows)}; layered {spread(use.ratio for _, use, _ in other)}"
    publisher.row("time_to_steam_over_full_power_nominal", max(ratios), "", 1.06, context)
    publisher.check()


def test_altitude(record_figure: Recorder) -> None:
    """A device that has learned at the sea is carried up; the second session there counts."""
    worst: list[float] = []
    parts: list[str] = []
    for altitude in (0.0, 1500.0, 3000.0):
        errors = {}
        for kind in ("lumped", "layered"):
            rows = shared(nominal_pair, [(seed, kind, altitude) for seed in (1, 2, 3, 4)])
            errors[kind] = [100 * abs(use.error) for _, use, _ in rows]
        worst.append(max(errors["lumped"]))
        parts.append(f"{altitude:g} m {worst[-1]:.2g} % (layered {max(errors['layered']):.2g} %)")
    context = f"worst of 4 seeds, uncalibrated, learned at the sea, second session at altitude: {', '.join(parts)}"
    publisher = Publisher(record_figure)
    publisher.row("altitude", max(worst), "%", 3.0, context)
    publisher.check()


def test_mains(record_figure: Recorder) -> None:
    cases: dict[str, list[tuple[float, float, float]]] = {}
    for name, kind, changes in (
        ("nominal", "lumped", {}),
        ("layered", "layered", {}),
        ("sense 0.5 % low", "lumped", {"mains_sense_error": -0.005}),
        ("sense 0.5 % high", "lumped", {"mains_sense_error": 0.005}),
        ("0.1 mm of scale", "lumped", {"scale_mm": 0.1}),
    ):
        cases[name] = shared(sag, [(seed, kind, changes) for seed in (1, 2, 3, 4)])
    means = {name: max(abs(value) for row in rows for value in row[1:]) for name, rows in cases.items()}
    context = f"worst of 4 seeds, {SAG_S:g} s at -15 %, mean steam during it and in the 5 s after, over that before: "
    context += ", ".join(f"{name} {100 * value:.2g} %" for name, value in means.items())
    publisher = Publisher(record_figure)
    publisher.row("mains", 100 * max(means.values()), "%", 5.0, context)
    publisher.check()
