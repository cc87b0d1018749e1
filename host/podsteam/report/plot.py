# SPDX-License-Identifier: Apache-2.0
"""A session as a picture and as a page: temperatures, power, steam rate, doses, states and events on one time
axis.

The page needs nothing but Python; the picture needs matplotlib (`pip install "podsteam[plot]"`).
"""

from pathlib import Path

from podsteam.report.canvas import Title
from podsteam.report.chart import chart_of
from podsteam.report.facts import headline, subtitle
from podsteam.report.files import write_files
from podsteam.report.page import page
from podsteam.store.model import Stored


def png_of(stored: Stored, *, dark: bool = False) -> bytes:
    """The picture. Raises UsageProblem when matplotlib is not installed."""
    from podsteam.report.png import png

    return png(chart_of(stored.record), Title(headline(stored), subtitle(stored)), dark)


def write_png(stored: Stored, path: Path, overwrite: bool = False, *, dark: bool = False) -> list[Path]:
    """Write the picture; returns its path.

    Raises UsageProblem when matplotlib is not installed, when the file is there already and `overwrite` is off,
    or when it cannot be written.
    """
    return write_files({path: png_of(stored, dark=dark)}, overwrite)


def write_html(stored: Stored, path: Path, overwrite: bool = False) -> list[Path]:
    """Write the page; returns its path. Raises UsageProblem as `write_png` does."""
    return write_files({path: page(stored).encode()}, overwrite)
