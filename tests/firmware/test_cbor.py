# SPDX-License-Identifier: Apache-2.0
"""The bounded CBOR map reader: what it reads, what it steps over, what it refuses, and that it always ends."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podsteam_firmware.podlet import cbor

KINDS = {cbor.INT: "int", cbor.BYTES: "bytes", cbor.TEXT: "text", cbor.BOOL: "bool", cbor.OTHER: "other"}


def pairs(data: bytes) -> list[tuple[int, str, Any]] | None:
    """All pairs as (key, kind, value), strings with their bytes; None when the map is not valid."""
    buf = bytearray(data)
    reader = cbor.MapReader()
    found: list[tuple[int, str, Any]] = []
    if not reader.open(buf, 0, len(buf)):
        assert not reader.next()
        return None
    while reader.next():
        assert len(found) <= len(data)
        value: Any = reader.value
        if reader.kind in (cbor.BYTES, cbor.TEXT):
            value = bytes(buf[reader.at : reader.at + reader.length])
        found.append((reader.key, KINDS[reader.kind], value))
    assert 0 <= reader.position <= len(buf)
    assert not reader.next()
    return found if reader.valid else None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("a0", []),
        ("a10102", [(1, "int", 2)]),
        ("a1181903", [(25, "int", 3)]),
        ("a101190400", [(1, "int", 1024)]),
        ("a1011a40000000", [(1, "int", 2**30)]),
        ("a1011bffffffffffffffff", [(1, "int", 2**64 - 1)]),
        ("a10120", [(1, "int", -1)]),
        ("a1013903e7", [(1, "int", -1000)]),
        ("a10143616263", [(1, "bytes", b"abc")]),
        ("a10163616263", [(1, "text", b"abc")]),
        ("a101f4", [(1, "bool", 0)]),
        ("a101f5", [(1, "bool", 1)]),
        ("a101f6", [(1, "other", 0)]),
        ("a101f90014", [(1, "other", 0)]),
        ("a101f814", [(1, "other", 0)]),
        ("a101fb3ff0000000000000", [(1, "other", 0)]),
        ("a1018201820203", [(1, "other", 0)]),
        ("a101a10102", [(1, "other", 0)]),
        ("a1019f0102ff", [(1, "other", 0)]),
        ("a101bf0102ff", [(1, "other", 0)]),
        ("a1015f41614162ff", [(1, "other", 0)]),
        ("a101c24101", [(1, "other", 0)]),
        ("a101c11a00000001", [(1, "other", 0)]),
        ("bf01020304ff", [(1, "int", 2), (3, "int", 4)]),
        ("bfff", []),
        ("a203040102", [(3, "int", 4), (1, "int", 2)]),
        ("a2616105200a", [(-1, "int", 5), (-1, "int", 10)]),
        ("a2810105016161", [(-1, "int", 5), (1, "text", b"a")]),
        ("a11a4000000001", [(-1, "int", 1)]),
        ("a1010200ff", [(1, "int", 2)]),
        ("a2182001182002", [(32, "int", 1), (32, "int", 2)]),
    ],
)
def test_maps(data: str, expected: list[tuple[int, str, Any]]) -> None:
    assert pairs(bytes.fromhex(data)) == expected


@pytest.mark.parametrize(
    "data",
    [
        "",
        "00",
        "80",
        "a1",
        "a101",
        "a10118",
        "a1011900",
        "a1014361",
        "a10163",
        "a1015bffffffffffffffff",
        "a2010201",
        "a201020103",
        "bf01020103ff",
        "bf0102",
        "bf01ff",
        "a1ff",
        "a101ff",
        "a1011c",
        "a1011f",
        "a101df01",
        "a101820102"[:-2],
        "a10181ff",
        "a1019bffffffffffffffff",
        "bbffffffffffffffff",
        "ba00ffffff01",
        "a101" + "81" * 9 + "00",
        "a101" + "9f" * 9,
        "a1" + "81" * 9 + "0001",
    ],
)
def test_refused(data: str) -> None:
    assert pairs(bytes.fromhex(data)) is None


def test_nesting_is_stepped_over_to_the_limit() -> None:
    assert pairs(bytes.fromhex("a101" + "81" * cbor.MAX_DEPTH + "00")) == [(1, "other", 0)]
    assert pairs(bytes.fromhex("a201" + "81" * 5 + "00" + "0203")) == [(1, "other", 0), (2, "int", 3)]


def head(major: int, value: int) -> bytes:
    major <<= 5
    if value < 24:
        return bytes((major | value,))
    for info, code in ((24, ">B"), (25, ">H"), (26, ">I"), (27, ">Q")):
        if value < 1 << 8 * struct.calcsize(code):
            return bytes((major | info,)) + struct.pack(code, value)
    raise ValueError


def encode(value: Any) -> bytes:
    """A plain CBOR encoder: the reader is checked against it."""
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", False: b"\xf4", True: b"\xf5"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(5, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats()
    | st.binary(max_size=40)
    | st.text(max_size=20)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.integers(0, 9) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def told(value: Any) -> tuple[str, Any]:
    """What the reader should say of a value."""
    if isinstance(value, bool):
        return "bool", int(value)
    if isinstance(value, int):
        return "int", value
    if isinstance(value, bytes):
        return "bytes", value
    if isinstance(value, str):
        return "text", value.encode()
    return "other", 0


@given(
    st.dictionaries(st.integers(0, 2**31) | st.integers(-20, -1) | st.text(max_size=3), VALUES, max_size=8),
    st.booleans(),
)
def test_against_an_encoder(items: dict[Any, Any], indefinite: bool) -> None:
    data = encode(items)
    if indefinite:
        data = b"\xbf" + data[1:] + b"\xff"
    expected = [(k if isinstance(k, int) and 0 <= k < 2**30 else -1, *told(v)) for k, v in items.items()]
    assert pairs(data) == expected
    assert pairs(data + b"\0stale") == expected
    for cut in range(0, len(data), max(1, len(data) // 20)):
        assert pairs(data[:cut]) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_harmless(data: bytes) -> None:
    pairs(data)


@given(st.lists(st.sampled_from(list(b"\x81\x9f\xa1\xbf\xff\x00\x01\xc1\x5f\x41\x7f\xd8")), max_size=120))
def test_any_structure_is_harmless(data: list[int]) -> None:
    pairs(b"\xa1\x01" + bytes(data))
    pairs(b"\xbf" + bytes(data))
