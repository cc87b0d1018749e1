# SPDX-License-Identifier: Apache-2.0
"""The two pictures of a record, for `records plot` and the demo. The page needs nothing, the PNG matplotlib."""

from pathlib import Path
from typing import TYPE_CHECKING

from podsteam.errors import UsageProblem

if TYPE_CHECKING:
    from podsteam.store.model import Stored


def plot_files(
    stored: "Stored", folder: Path, *, dark: bool = False, overwrite: bool = False
) -> tuple[Path, Path | None, UsageProblem | None]:
    """Write page and picture; returns their paths, and what kept the picture from being made.

    Raises UsageProblem when the folder cannot be made, or a file cannot be written or is there already.
    """
    from podsteam.report.files import write_files
    from podsteam.report.page import page
    from podsteam.report.plot import png_of

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UsageProblem(f"{folder}: cannot be made ({e.strerror or e}).") from e
    html, png = (folder / f"{stored.entry.id}.{ending}" for ending in ("html", "png"))
    files = {html: page(stored).encode()}
    problem = None
    try:
        files[png] = png_of(stored, dark=dark)
    except UsageProblem as e:
        problem = e
    write_files(files, overwrite)
    return html, png if png in files else None, problem
