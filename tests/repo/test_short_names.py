# SPDX-License-Identifier: Apache-2.0
"""What the device's files are turned into before they are compiled: fewer names, and nothing for a type checker."""

import pytest

from podsteam.flash.fold import fold
from podsteam.flash.shorten import names, shorten

POINT = '''
def make(wide_mm, high_mm):
    """A point of wide_mm."""
    return Point(wide_mm, high_mm)


class Point:
    def __init__(self, wide_mm, high_mm):
        self._wide = wide_mm
        self.high_mm = high_mm

    def _area(self):
        return self._wide * self.high_mm

    def area(self):
        return self._area()
'''


def run(source: str) -> dict[str, object]:
    scope: dict[str, object] = {}
    exec(source, scope)
    return scope


def test_private_names_and_parameters_are_short_and_public_ones_stay():
    short = shorten({"a.point": POINT})["a.point"]
    for gone in ("_wide", "_area"):
        assert gone not in short
    assert "self.high_mm = high_mm" in short
    assert "A point of wide_mm." in short
    assert run(short)["make"](3, 4).area() == 12  # type: ignore[operator]


def test_lines_stay_on_their_lines():
    short = shorten({"a.point": POINT})["a.point"]
    assert [line.strip()[:3] for line in short.splitlines()] == [line.strip()[:3] for line in POINT.splitlines()]


def test_modules_use_the_same_short_names():
    tables = names({"a": "def f():\n    _one = 1\n    return _one\n", "b": "_two = 2\n"})
    assert tables == {"a": {"_one": "_0"}, "b": {"_two": "_0"}}


def test_classes_that_inherit_across_modules_keep_their_names_apart():
    base = "class Base:\n    def __init__(self):\n        self._one = 1\n"
    derived = "from p.base import Base\nclass Derived(Base):\n    def f(self):\n        self._two = 2\n"
    tables = names({"p.base": base, "p.derived": derived})
    assert tables["p.base"] is tables["p.derived"]
    assert tables["p.base"] == {"_one": "_0", "_two": "_1"}


def test_a_parameter_that_is_given_by_keyword_stays():
    sources = {"a": "def f(width):\n    return width\n", "b": "from a import f\nX = f(width=1)\n"}
    assert names(sources) == {"a": {}, "b": {}}


@pytest.mark.parametrize("source", ["from p.a import _x\n", "def f(a):\n    return a._x\n"])
def test_what_is_private_to_another_module_is_refused(source):
    with pytest.raises(ValueError, match="private to another module"):
        shorten({"p.a": "_x = 1\n", "p.b": source})


def test_texts_that_nobody_reads_go():
    source = """
READ = "<I"
UNREAD = "<H"
BYTES = b"x"
Small = "x"
def f():
    LOCAL = "x"
    return g(READ)
"""
    folded = fold({"p.a": source, "p.b": "from p import a\nprint(a.BYTES)\n"})["p.a"]
    assert folded == source.replace('UNREAD = "<H"', "pass")


def test_what_only_a_type_checker_reads_goes():
    source = """
try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from p.b import Wide
X = 1
"""
    folded = fold({"p.a": source})["p.a"]
    assert folded.split() == ["pass", "pass", "X", "=", "1"]
    assert folded.count("\n") == source.count("\n")
