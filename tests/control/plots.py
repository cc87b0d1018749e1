# SPDX-License-Identifier: Apache-2.0
"""The pictures of docs/why-not-temperature.md, from runs of this bench.

    python tests/control/plots.py [FOLDER]

Writes PNG files into docs/steam-control/ unless another folder is named, and prints the numbers that the page quotes.
Klipper's part is left out, with a word, where its package cannot be fetched.
"""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "firmware"), str(ROOT / "tests" / "control")]

import matplotlib as mpl  # noqa: E402

mpl.use("Agg")
from contest import PEERS, end, hold_run, make, peer_steam, seated, tuned, wall_for_steam  # noqa: E402
from loop import Device, Session, means  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402
from peers import klipper  # noqa: E402
from plants import Case, nominal  # noqa: E402
from runs import HOLD_C, HOLD_S, hold_case  # noqa: E402

PLACES: dict[str, dict[str, float]] = {
    "at home": {},
    "at 1500 m": {"altitude_m": 1500.0},
    "with 0.1 mm of scale": {"scale_mm": 0.1},
    "mains 10 % low": {"mains_v": 207.0},
    "sensors 1 K high": {"wall_offset_mc": 1000, "water_offset_mc": 1000},
}
STYLE = {
    "podsteam": ("#0b6e4f", 2.2, "-"),
    "ideal_wall": ("#222222", 1.4, "--"),
    "klipper": ("#c0392b", 1.2, "-"),
    "simple_pid": ("#2e6fb7", 1.2, "-"),
    "esphome_style": ("#8e5ea2", 1.2, ":"),
    "marlin_style": ("#d98c1a", 1.2, "-"),
}
NAMES = {
    "podsteam": "podsteam (power)",
    "ideal_wall": "ideal wall regulator",
    "klipper": "Klipper PID",
    "simple_pid": "simple-pid",
    "esphome_style": "ESPHome-style",
    "marlin_style": "Marlin-style",
}
WIDTH_IN = 8.4
DPI = 120


def peers_at_hand() -> list[str]:
    """All, or without Klipper where it cannot be had."""
    try:
        klipper.folder()
    except klipper.Missing as reason:
        print(f"without Klipper: {reason}")
        return [name for name in PEERS if name != "klipper"]
    return list(PEERS)


def finish(figure: Any, target: Path) -> None:
    """Save and close."""
    figure.savefig(target, dpi=DPI, facecolor="white")
    plt.close(figure)
    print(f"{target.name}: {target.stat().st_size // 1024} KiB")


def plain(axes: Any) -> None:
    """A light grid and no frame above and on the right."""
    axes.grid(color="#e3e3e3", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


# Steam ------------------------------------------------------------------------------------------------------
def sessions(case: Case) -> dict[str, dict[str, Session]]:
    """One session of everybody in every place. Ours has learned and was calibrated at home, one session before; the
    peers were tuned at home, and their wall temperature is the right one there."""
    target_c = wall_for_steam(case)
    print(f"wall at home: {target_c:.2f} degC")
    found: dict[str, dict[str, Session]] = {"podsteam": {}}
    for place, changes in PLACES.items():
        device = Device(case)
        device.calibrate(device.steam(case))
        found["podsteam"][place] = device.steam(case.but(**changes), 170)
    for name in ["ideal_wall", *peers_at_hand()]:
        gains = None if name == "ideal_wall" else tuned(name, case, "wall", target_c)[0]
        found[name] = {
            place: peer_steam(name, gains, case.but(**changes), target_c, 170) for place, changes in PLACES.items()
        }
    return found


def plot_steam(found: dict[str, dict[str, Session]], target: Path) -> None:
    """Steam after a cold start, one panel for each of the first four places."""
    figure, panels = plt.subplots(2, 2, figsize=(WIDTH_IN, 6.2), sharex=True, sharey=True, layout="constrained")
    for axes, place in zip(panels.flat, PLACES):
        axes.axhline(6.0, color="#9a9a9a", linewidth=1.0)
        for name in [*list(found)[1:], "podsteam"]:
            colour, width, line = STYLE[name]
            rows = found[name][place].rows
            rates = means(rows, 2.0)[::10]
            seconds = [(row.s - found[name][place].begin_s) for row in rows[39::10]]
            axes.plot(seconds, rates, line, color=colour, linewidth=width, label=NAMES[name])
        axes.set_title(place, fontsize=10.5, loc="left")
        axes.set_xlim(0, 240)
        axes.set_ylim(0, 11.5)
        plain(axes)
    for axes in panels[1]:
        axes.set_xlabel("time since heat was asked for (s)")
    for axes in panels[:, 0]:
        axes.set_ylabel("steam (g/min)")
    panels[0, 0].text(4, 6.15, "wanted", color="#6a6a6a", fontsize=8.5)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    finish(figure, target)


def plot_errors(found: dict[str, dict[str, Session]], target: Path) -> None:
    """Bars of the mean error of the last minute, in every place."""
    figure, axes = plt.subplots(figsize=(WIDTH_IN, 3.9), layout="constrained")
    width = 0.8 / len(found)
    for i, name in enumerate(found):
        errors = [100 * found[name][place].last_error() for place in PLACES]
        print(f"{name:14}", ", ".join(f"{place} {error:+.1f} %" for place, error in zip(PLACES, errors)))
        where = [k + (i - (len(found) - 1) / 2) * width for k in range(len(PLACES))]
        axes.bar(where, errors, width * 0.92, color=STYLE[name][0], label=NAMES[name])
        if name == "podsteam":
            for x, error in zip(where, errors):
                axes.text(x, error + (2 if error >= 0 else -2), f"{error:+.1f}", ha="center", fontsize=7.5,
                          va="bottom" if error >= 0 else "top", color=STYLE[name][0])  # fmt: skip
    axes.axhline(0, color="#555555", linewidth=0.9)
    axes.set_xticks(range(len(PLACES)), list(PLACES))
    axes.set_ylabel("error of the mean steam (%)")
    axes.set_ylim(-80, 80)
    plain(axes)
    axes.legend(ncols=3, frameon=False, fontsize=9, loc="upper right")
    finish(figure, target)


# Boiling curve ----------------------------------------------------------------------------------------------
def curve(case: Case) -> tuple[list[float], list[float]]:
    """Wall temperature and steam in the steady state, at powers from little to full."""
    walls: list[float] = []
    rates: list[float] = []
    boiler = case.plant().boiler
    water_g = case.constants.water_g
    while boiler.steam_g_min <= 0:
        boiler.run(5.0, 400.0)
    for watts in range(50, 401, 10):
        boiler.add_water(water_g - boiler.water_g, boiler.water_c)
        boiler.run(20.0, float(watts))
        boiler.add_water(water_g - boiler.water_g, boiler.water_c)
        boiler.run(10.0, float(watts))
        if boiler.steam_g_min > 0:
            walls.append(boiler.wall_c)
            rates.append(boiler.steam_g_min)
    return walls, rates


def plot_curve(target: Path) -> None:
    """How much steam a wall temperature stands for."""
    figure, axes = plt.subplots(figsize=(WIDTH_IN, 3.9), layout="constrained")
    lines = {
        "clean, sea level": ({}, "#222222", "-"),
        "1500 m": ({"altitude_m": 1500.0}, "#2e6fb7", "-"),
        "0.1 mm of scale": ({"scale_mm": 0.1}, "#c0392b", "-"),
        "0.5 mm of scale": ({"scale_mm": 0.5}, "#c0392b", "--"),
    }
    for label, (changes, colour, line) in lines.items():
        axes.plot(*curve(nominal(**changes)), line, color=colour, linewidth=1.8, label=label)
    walls, rates = curve(nominal())
    near = min(range(1, len(rates) - 1), key=lambda i: abs(rates[i] - 6.0))
    slope = (rates[near + 1] - rates[near - 1]) / (walls[near + 1] - walls[near - 1])
    print(f"slope at 6 g/min: {slope:.2f} g/min per K = {slope * 2257 / 60:.0f} W/K; wall {walls[near]:.2f}")
    axes.axvline(walls[near], color="#9a9a9a", linewidth=1.0)
    axes.text(walls[near] + 0.2, 0.25, f"wall kept at {walls[near]:.1f} degC", color="#6a6a6a", fontsize=8.5)
    axes.set_xlabel("true wall temperature (degC)")
    axes.set_ylabel("steam (g/min)")
    axes.set_ylim(0, 10.5)
    axes.set_xlim(96, 130)
    plain(axes)
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    finish(figure, target)


# Hold -------------------------------------------------------------------------------------------------------
def plot_hold(target: Path) -> None:
    """True water at 90 degC: from cold, and settled."""
    figure, (above, below) = plt.subplots(2, 1, figsize=(WIDTH_IN, 6.0), layout="constrained")
    runs: dict[str, Any] = {}
    loop = Device(hold_case(1)).begin()
    loop.heat.hold(int(HOLD_C * 1000))
    begin = len(loop.rows)
    print("hold podsteam", hold_run(loop, HOLD_C, HOLD_S))
    runs["podsteam"] = loop.rows[begin:]
    for name in peers_at_hand():
        gains, _ = tuned(name, hold_case(1), "water", HOLD_C)
        peer = make(name, gains)
        other, seat = seated(hold_case(1), peer, "water")
        begin = len(other.rows)
        seat.start(HOLD_C)
        print("hold", name, hold_run(other, HOLD_C, HOLD_S))
        end(peer)
        runs[name] = other.rows[begin:]
    for name in [*list(runs)[1:], "podsteam"]:
        colour, width, line = STYLE[name]
        rows = runs[name][::10]
        seconds = [row.s - rows[0].s for row in rows]
        for axes in (above, below):
            axes.plot(
                seconds,
                [row.water for row in rows],
                line,
                color=colour,
                linewidth=width,
                label=NAMES[name].split(" (")[0],
            )
    for axes in (above, below):
        axes.axhline(HOLD_C, color="#9a9a9a", linewidth=1.0)
        axes.set_ylabel("true water (degC)")
        plain(axes)
    above.set_xlim(0, 900)
    above.set_ylim(20, 102)
    below.set_xlim(450, 900)
    below.set_ylim(87.5, 93.5)
    below.set_xlabel("time since heat was asked for (s)")
    above.set_title("from cold, everybody on the water's sensor", fontsize=10.5, loc="left")
    below.set_title("the second half, enlarged", fontsize=10.5, loc="left")
    handles, labels = above.get_legend_handles_labels()
    above.legend(handles[::-1], labels[::-1], frameon=False, fontsize=9, loc="lower right")
    finish(figure, target)


def main(folder: Path) -> None:
    """All pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    plot_curve(folder / "boiling-curve.png")
    found = sessions(nominal())
    plot_steam(found, folder / "steam-after-a-cold-start.png")
    plot_errors(found, folder / "mean-errors.png")
    plot_hold(folder / "hold-90.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "steam-control")
