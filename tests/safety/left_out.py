# SPDX-License-Identifier: Apache-2.0
"""Parts of the firmware that a run leaves out or changes, by their paths in the simulated unit."""

FIRM = "core.supervisor."
THERMAL = tuple(
    FIRM + f"_{name}.step" for name in ("dry", "rise", "swapped", "detached", "unmoved", "cooling", "frozen")
)
"""All that judge temperatures, but for the hard limit."""
LOAD = FIRM + "_load._judge"
UNFOLDED = {"core.heat.settings.wall_fold_mc": 400_000}
"""For runs in which the wall must get hot: the controller does not take its power back."""
