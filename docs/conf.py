# SPDX-License-Identifier: Apache-2.0
"""The documents as a site: `make docs`. The repository is the source folder, so that links between pages, the READMEs
and files hold here as they do where the repository is read."""

import re
from importlib.metadata import version as installed
from pathlib import Path

import click
from sphinx.application import Sphinx

from podsteam.cli.base import global_options

ROOT = Path(__file__).resolve().parents[1]
INDEX = "docs/index"
FOLDERS = ("firmware", "host", "hw", "protocol", "tests", "tools")

project = "podsteam"
author = "the podsteam maintainers"
project_copyright = "the podsteam maintainers"
release = version = installed("podsteam")

extensions = ["myst_parser", "sphinx_click"]
root_doc = INDEX
include_patterns = [
    "docs/*.md",
    "*.md",
    *(f"{folder}{below}/README.md" for folder in FOLDERS for below in ("", "/**")),
]
exclude_patterns = ["**/.pytest_cache", "tests/downstream"]
myst_heading_anchors = 4
myst_links_external_new_tab = True

html_theme = "furo"
html_title = f"podsteam {release}"
html_show_copyright = False
html_copy_source = False
# Nothing comes from elsewhere: the site works without a network.
html_theme_options = {"top_of_page_buttons": []}

_LINK = re.compile(r"\]\((?!https?:)([\w./-]+)\.md\)")


def _contents(_: Sphinx, page: str, text: list[str]) -> None:
    """The index's own table is the site's contents, in its order; then the folders' pages."""
    if page != INDEX:
        return
    listed = list(dict.fromkeys(_LINK.findall(text[0])))
    inner = "\n".join(name for name in listed if not name.startswith(".."))
    outer = "\n".join(f"/{path.relative_to(ROOT).with_suffix('')}" for path in _folders())
    for caption, names in (("Documents", inner), ("The repository", outer)):
        text[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{names}\n```\n"


def _folders() -> list[Path]:
    """The pages outside of this folder."""
    found: set[Path] = set()
    for pattern in include_patterns[1:]:
        found.update(path for path in ROOT.glob(pattern) if not path.is_relative_to(ROOT / "tests" / "downstream"))
    return sorted(found, key=lambda path: (len(path.parts), str(path)))


def _own_options(_: Sphinx, context: click.Context, lines: list[str]) -> None:
    """The global options, which every command takes, stand with the first of them only."""
    if context.parent is None:
        return
    known = {name for option in global_options() for name in option.opts}
    kept: list[str] = []
    passing = False
    for line in lines:
        if line.startswith(".. option:: "):
            passing = not known.isdisjoint(re.split(r"[ ,]+", line.removeprefix(".. option:: ")))
        if not passing:
            kept.append(line)
    lines[:] = kept


def _front_door(app: Sphinx, error: Exception | None) -> None:
    """The site's own address leads to the index."""
    if error is None and app.builder.format == "html":
        page = '<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html"><title>podsteam</title>\n'
        (Path(app.outdir) / "index.html").write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _contents)
    app.connect("sphinx-click-process-options", _own_options)
    app.connect("build-finished", _front_door)
