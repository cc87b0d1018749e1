# SPDX-License-Identifier: Apache-2.0
"""The podlet format: its tables follow from the data, its vectors hold on both interpreters and for other decoders."""

import json
import subprocess
import sys
from pathlib import Path

import cbor2
import ndef
import podlet_vectors
import record_checks

from podsteam import podlet_image
from podsteam_protocol import podlet as p
from podsteam_protocol.podlet_table import ALLERGENS, FIELDS

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "hw" / "podlet" / "vectors" / "records.json"


def test_what_is_generated_is_fresh() -> None:
    done = subprocess.run([sys.executable, ROOT / "hw/podlet/generate.py", "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_keys_and_bits_are_used_once() -> None:
    assert [field[0] for field in FIELDS] == list(range(len(FIELDS)))
    assert len({field[3] for field in FIELDS if field[3]}) == sum(bool(field[3]) for field in FIELDS)
    assert len(set(ALLERGENS)) == len(ALLERGENS) <= 30


def test_recorded_vectors_are_what_the_rules_say() -> None:
    assert json.loads(VECTORS.read_text()) == podlet_vectors.rows()


def test_vectors_on_cpython() -> None:
    assert record_checks.check(str(VECTORS)) == (15, 12)


def test_vectors_on_micropython(run_micropython) -> None:
    printed = run_micropython(Path(record_checks.__file__), str(VECTORS), path=(ROOT / "hw",))
    assert printed.split() == ["15", "12"]


def test_vectors_by_other_decoders_and_by_the_host() -> None:
    for row in json.loads(VECTORS.read_text()):
        memory = bytes.fromhex(row["memory"])
        start = 4 if memory[1] == 255 else 2
        size = int.from_bytes(memory[2:4], "big") if start == 4 else memory[1]
        text, record = ndef.message_decoder(memory[start : start + size])
        assert record.type.encode() == p.MIME_TYPE and text.text.startswith("podlet: ")
        meta = cbor2.loads(record.data)
        raw = record.data[meta[0] : meta[0] + meta[1]]
        said = {str(key): value.hex() if isinstance(value, bytes) else value for key, value in cbor2.loads(raw).items()}
        assert said == row["main"]
        assert record.data[meta[2] :].hex() == row["slots"]
        whole = podlet_image.blank(next(model for size, model in podlet_image.DUMPS.items() if size == row["size"]))
        whole = whole[:16] + memory + whole[16 + len(memory) :]
        known, rest = podlet_image.main_of(whole)
        assert len(known) + len(rest) == len(said)
