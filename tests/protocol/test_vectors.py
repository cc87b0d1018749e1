# SPDX-License-Identifier: Apache-2.0
"""The golden vectors pass on CPython and on the real MicroPython."""

import json
from pathlib import Path

import pytest
import vector_checks

from podsteam_protocol import schema

CHECKS = Path(vector_checks.__file__)


@pytest.fixture(scope="module")
def golden(pytestconfig) -> Path:
    return pytestconfig.rootpath / "protocol" / "vectors" / "golden.json"


def test_golden_vectors_on_cpython(golden):
    frames, corruptions = vector_checks.check_all(vector_checks.load(str(golden)))
    assert frames > 3 * len(schema.STRUCTS)
    assert corruptions > 1000


def test_golden_vectors_on_micropython(golden, run_micropython):
    expected = vector_checks.check_all(vector_checks.load(str(golden)))
    printed = run_micropython(CHECKS, str(golden), timeout=120)
    assert tuple(map(int, printed.split())) == expected


def test_a_changed_vector_is_noticed(golden):
    vectors = json.loads(golden.read_text())
    row = vectors["frames"][0]
    row["wire"] = row["wire"].replace(row["wire"][8:10], "7e", 1)
    with pytest.raises(AssertionError):
        vector_checks.check_all(vectors)


def test_every_message_has_vectors(golden):
    names = {row["name"].split(".")[0] for row in json.loads(golden.read_text())["frames"]}
    wanted = {name for _, name, kind, *_ in schema.MESSAGES if kind != "reserved"}
    assert wanted <= names
