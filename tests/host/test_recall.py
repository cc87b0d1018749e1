# SPDX-License-Identifier: Apache-2.0
"""Recall lists of this computer: read, merged, kept; what cannot be read is said and never taken for an empty list."""

import json
from pathlib import Path

import pytest
from calls import call, one_sentence

from podsteam import podlet_sign, recall
from podsteam.errors import IntegrityFailed, UsageProblem
from podsteam_protocol import podlet as p
from podsteam_twin import podlets

LIST = """
[[recall]]
maker = "Maker"
batch = "B1"
reason = "may irritate"
[[recall]]
uid = "04AB87F2CA1190"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv(recall.ENVIRONMENT, raising=False)
    return tmp_path


def memory(fields: dict[int, object], uid: str = "04112233445566") -> bytes:
    made = podlets.build({p.MAIN_DOSE_NL: 1000, p.MAIN_DOSE_COUNT: 1, **fields}, uid=bytes.fromhex(uid))  # type: ignore[dict-item]
    return bytes(made.image())


def test_a_podlet_is_named_by_its_batch_or_its_tag() -> None:
    listed = recall.read_toml(LIST.encode(), "x.toml")
    batch = {p.MAIN_MAKER: "Maker", p.MAIN_BATCH: "B1"}
    found = recall.naming(listed, memory(batch))
    assert found is not None and "batch B1 of Maker" in str(recall.refuse(found))
    assert recall.naming(listed, memory({}, "04ab87f2ca1190")) == listed[1]
    for other in ({p.MAIN_BATCH: "B1"}, {p.MAIN_MAKER: "Maker"}, {}):
        assert recall.naming(listed, memory(other)) is None
    assert recall.naming(listed, b"") is None
    damaged = bytearray(memory(batch, "04ab87f2ca1190"))
    damaged[40:60] = bytes(20)
    assert recall.naming(listed, bytes(damaged)) == listed[1], "the tag itself can still be told"


def test_lists_are_merged_and_kept() -> None:
    listed = recall.read_toml(LIST.encode(), "x.toml")
    merged = recall.merge([], listed)
    assert all(each.day for each in merged)
    recall.save(merged)
    assert recall.load() == merged == recall.merge(merged, listed)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"recalls": 3}', '{"recalls": [{"lot": "B1"}]}', '{"recalls": [3]}'])
def test_a_list_that_cannot_be_read_is_said(text: str) -> None:
    recall.place().parent.mkdir(parents=True, exist_ok=True)
    recall.place().write_text(text)
    with pytest.raises(UsageProblem, match="no list of recalls"):
        recall.load()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "wants tables"),
        ("recall = 3", "wants tables"),
        ("[[recall]]\n[more]", "wants tables"),
        ("recall = [3]", "recall 1: is no table"),
        ("[[recall]]\nbatch = 7", "recall 1: batch must be a text"),
        ("[[recall]]\nlot = '7'", "unknown field lot"),
        ("[[recall]]\nmaker = 'M'", "either a batch or the uid"),
        ("[[recall]]\nuid = '04'", "14 hex digits"),
        ("[[recall]]\nbatch = '12345678901234567'", "batch must be at most 16 bytes"),
        ("[[recall]]\nbatch = 'B1'\nreason = \"a\\u001b[2J\"", "reason must be"),
    ],
)
def test_a_file_with_a_mistake_is_one_sentence(text: str, why: str) -> None:
    with pytest.raises(UsageProblem, match=why):
        recall.read_toml(text.encode(), "x.toml")


def test_signed_lists_are_checked(home: Path) -> None:
    private = home / "private.pem"
    private.write_bytes(podlet_sign.new_key()[0])
    key, signer = podlet_sign.public_key(private), podlet_sign.file_signer(private)
    raw = recall.sign(recall.read_toml(LIST.encode(), "x"), 3, key, signer)
    entries = recall.read_signed(raw, key, "x")
    assert len(entries) == 2 and all(each.key == podlet_sign.key_id(key).hex() for each in entries)
    assert recall.naming(entries, memory({}, "04ab87f2ca1190")) is not None
    other = home / "other.pem"
    other.write_bytes(podlet_sign.new_key()[0])
    for bad in (raw[:-1], raw + b"x", raw[:30] + bytes(1) + raw[31:], b"PSRL", b""):
        with pytest.raises(IntegrityFailed):
            recall.read_signed(bad, key, "x")
    with pytest.raises(IntegrityFailed, match="was signed by key"):
        recall.read_signed(raw, podlet_sign.public_key(other), "x")
    with pytest.raises(UsageProblem, match="1 to 480 entries"):
        recall.sign([recall.checked("", f"B{i}") for i in range(481)], 1, key, signer)


def test_the_commands(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = str(home / "r.toml"), str(home / "r.recall")
    Path(file).write_text(LIST)
    private, public = str(home / "private.pem"), str(home / "public.pem")
    assert call(capsys, "podlet", "keys", private, public).status == 0

    def ask(*arguments: str) -> dict[str, object]:
        called = call(capsys, "--json", *arguments)
        assert called.status == 0, called.err
        made: dict[str, object] = json.loads(called.out)
        return made

    assert ask("podlet", "recall", "list")["recalls"] == []
    assert ask("podlet", "recall", "add", "B9")["entries"] == 1
    assert ask("podlet", "recall", "import", file)["change"] == 2
    assert ask("podlet", "recall", "sign", file, out, "--key", private, "--sequence", "1")["entries"] == 2
    assert ask("podlet", "recall", "import", out, "--key", public)["change"] == 0, "named already"
    assert ask("podlet", "recall", "drop", "B9")["entries"] == 2
    shown = call(capsys, "podlet", "recall", "list").out
    assert "batch B1 of Maker" in shown and "may irritate" in shown and "tag 04ab87f2ca1190" in shown
    board = ("--port", "sim:recalling")
    assert ask(*board, "podlet", "trust", "--add", public)
    assert ask(*board, "podlet", "recall", "send", out)["entries"] == 2
    assert "no signed recall list" in one_sentence(call(capsys, *board, "podlet", "recall", "send", file))
    assert "--key" in one_sentence(call(capsys, "podlet", "recall", "import", out))
    assert "--key" in one_sentence(call(capsys, "podlet", "recall", "sign", file, out, "--sequence", "1"))
