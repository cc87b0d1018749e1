# SPDX-License-Identifier: Apache-2.0
"""What the pages say is there is there: links, folders, commands, headers."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")


def sources(root: Path, pattern: str) -> list[Path]:
    """The repository's own files: nothing that is ignored or installed."""
    found = []
    for path in root.rglob(pattern):
        parts = path.relative_to(root).parts
        if parts[0] not in ("build", "dist") and not any(part.startswith(".") for part in parts):
            found.append(path)
    return sorted(found)


@pytest.fixture(scope="module")
def root(pytestconfig) -> Path:
    return pytestconfig.rootpath


@pytest.fixture(scope="module")
def pages(root) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in sources(root, "*.md")}


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as they are usually made."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_inside_the_repository_resolves(root, pages):
    broken = []
    for name, text in pages.items():
        for target in LINK.findall(FENCE.sub("", text)):
            if "://" in target or target.startswith("mailto:"):
                continue
            path, _, anchor = target.partition("#")
            file = (root / name).parent / path if path else root / name
            if not file.exists():
                broken.append(f"{name}: {target}")
            elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
                broken.append(f"{name}: {target} (no such heading)")
    assert broken == []


def test_every_excerpt_stands_in_the_file_that_it_names(root, pages):
    excerpts = re.findall(r"^`([\w/.]+)`:\n\n```python\n(.*?)^```", pages["docs/one-feature.md"], re.M | re.S)
    assert len(excerpts) >= 8
    for name, code in excerpts:
        rest = (root / name).read_text(encoding="utf-8").splitlines()
        for line in filter(None, code.splitlines()):
            assert line in rest, f"{name} has no (more) line {line!r}"
            rest = rest[rest.index(line) + 1 :]


def test_every_folder_in_the_readme_exists_and_has_a_page(root, pages):
    named = re.findall(r"^\| \[`(\w+)/`\]", pages["README.md"], re.MULTILINE)
    assert {"protocol", "firmware", "hw", "host", "tests", "docs"} <= set(named)
    for folder in named:
        assert (root / folder / "README.md").exists() or (root / folder / "index.md").exists(), folder
    shown = {path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert shown - {"build", "dist"} <= set(named)


def test_every_folder_of_tests_is_described(root, pages):
    folders = {path.name for path in (root / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= set(re.findall(r"^\| `(\w+)/` \|", pages["tests/README.md"], re.MULTILINE))


def test_every_page_of_the_documents_is_linked_from_their_index(root, pages):
    linked = {Path(target.partition("#")[0]).name for target in LINK.findall(pages["docs/index.md"])}
    there = {path.name for path in (root / "docs").glob("*.md")} - {"index.md"}
    assert there <= linked


def make_targets(root: Path) -> set[str]:
    text = (root / "Makefile").read_text()
    return set(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE))


def test_every_make_target_that_a_page_names_exists(root, pages):
    targets = make_targets(root)
    assert {"demo", "test", "lint", "typecheck", "figures", "wheel", "clean", "help"} <= targets
    for name, text in pages.items():
        code = [*CODE.findall(text), *[line for block in FENCE.findall(text) for line in block.splitlines()]]
        for line in code:
            for target in re.findall(r"\bmake ([a-z]+)", line.partition("#")[0]):
                assert target in targets, f"{name}: make {target}"


def test_make_help_lists_every_target(root):
    command = ["make", "--no-print-directory", "help"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert {line.split()[1] for line in done.stdout.splitlines()} == make_targets(root)


def test_ci_runs_exactly_lint_typecheck_and_test(root):
    script = root / ".ci" / "run"
    commands = [line for line in script.read_text().splitlines() if line.startswith("make ")]
    assert commands == ["make lint typecheck test"]
    assert script.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def podsteam_lines(text: str) -> list[list[str]]:
    """The words of each `podsteam ...` command in a page's code."""
    found = []
    for block in FENCE.findall(text):
        for line in block.splitlines():
            words = line.partition(" #")[0].split()
            if words[:1] == ["$"]:
                words = words[1:]
            if words[:1] == ["podsteam"]:
                found.append([word for word in words[1:] if word not in ("&", "|")])
    return found


def test_every_podsteam_command_that_a_page_shows_exists(pages):
    from podsteam.cli.main import root as command

    checked = 0
    for name, text in pages.items():
        for words in podsteam_lines(text):
            assert_command(command, words, name)
            checked += 1
    assert checked >= 10


def assert_command(command, words, page):
    """Follow the words that name commands, and look every option up; arguments are passed over."""
    import click

    words = list(words)
    while words:
        word = words.pop(0)
        context = click.Context(command)
        if word.startswith("-"):
            known = command.get_params(context)
            option = next((p for p in known if word.partition("=")[0] in p.opts), None)
            assert option is not None, f"{page}: {command.name} has no option {word}"
            if not option.is_flag and "=" not in word:
                words.pop(0)
        elif isinstance(command, click.Group):
            assert word in command.list_commands(context), f"{page}: {command.name} has no command {word}"
            command = command.get_command(context, word)


def test_every_key_of_a_session_program_is_described_with_its_range(pages):
    from podsteam.program import FIELDS

    text = pages["docs/session-program.md"]
    for fields in FIELDS.values():
        for field in fields:
            (row,) = re.findall(rf"^\|[^|]*\| `{field.key}` \|(.*)$", text, re.MULTILINE)
            assert row.split("|")[0].strip() == field.range_text(), field.key


def test_the_example_program_is_valid(pages):
    from podsteam.program import parse, phases_of

    program = parse(FENCE.search(pages["docs/session-program.md"]).group(1), "example")
    assert len(phases_of(program)) == 2


def test_the_example_podlet_is_valid(pages, tmp_path):
    from podsteam_twin.podlet_files import load

    file = tmp_path / "podlet.toml"
    file.write_text(re.search(r"^```toml\n(.*?)^```", pages["docs/simulated-board.md"], re.M | re.S).group(1))
    assert b"Evening mist" in load(file)


def test_every_source_file_says_its_licence_and_its_purpose(root):
    for path in sources(root, "*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[:1] == ["# SPDX-License-Identifier: Apache-2.0"], path
        assert len(lines) == 1 or any(line.startswith('"""') for line in lines[1:5]), path


def test_no_claim_is_made_that_must_not_be_made(pages):
    words = r"clinically|therapeutic|\btreats\b|\bheals\b|\bcures\b"
    standards = r"(complies|compliant|certified) (with|to) (IEC|EN)\b"
    claims = re.compile(f"{words}|{standards}", re.IGNORECASE)
    for name, text in pages.items():
        assert not claims.search(text), f"{name}: {claims.search(text)}"


def test_the_version_is_one(root):
    import podsteam_firmware

    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert ".".join(map(str, podsteam_firmware.VERSION)) == version
    assert f"## [{version}]" in (root / "CHANGELOG.md").read_text()
