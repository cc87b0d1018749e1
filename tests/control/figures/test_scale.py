# SPDX-License-Identifier: Apache-2.0
"""0.1 mm of scale, told from the device's own clean baseline."""

import os

from publish import Publisher, Recorder
from runs import clean_and_scaled, shared

CLEAN = int(os.environ.get("PODSTEAM_PLANTS", "200"))
SCALED = CLEAN // 4
SCALE_MM = 0.1


def test_scale_index(record_figure: Recorder) -> None:
    scaled = shared(clean_and_scaled, [(seed, SCALE_MM) for seed in range(SCALED)])
    clean = shared(clean_and_scaled, [(seed, 0.0) for seed in range(CLEAN)])
    told = sum(said for said, _ in scaled)
    falsely = sum(said for said, _ in clean)
    indices = sorted(index for _, index in scaled)
    context = f"told of {SCALED} drawn devices with {SCALE_MM} mm after two clean sessions, within two more; index "
    context += f"{indices[0]} to {indices[-1]} permille; {CLEAN} that stayed clean "
    context += f"{min(index for _, index in clean)} to {max(index for _, index in clean)} permille"
    publisher = Publisher(record_figure)
    publisher.at_least("scale_index", 100 * told / SCALED, "%", 100, context)
    publisher.row("scale_index_false_calls", falsely, "devices", 0, f"of {CLEAN} drawn devices in four clean sessions")
    publisher.check()
