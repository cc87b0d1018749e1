# SPDX-License-Identifier: Apache-2.0
"""Modules that are linked into one do what they did apart."""

import sys
import types

import pytest

import compile_device
from explain_names import explain
from podsteam.flash.link import link

SOURCES = {
    "f.core": """
from f import deep, ticks
from f.heat import Heat, LIMITS as bounds
import struct
class Core:
    def __init__(self):
        self.heat = Heat(bounds[0])
    def step(self, count: int) -> "int":
        '''One step.'''
        return ticks.add(self.heat.step(count), deep.twice(len(struct.pack("<H", 1))))
    def tune(self):
        from f.tune import Tune
        return Tune().run(self.heat)
""",
    "f.deep": "import struct\ndef twice(add):\n    return 2 * add\n",
    "f.heat": """
from f.ticks import add
from f.deep import twice
LIMITS = (3, 4)
_count = 0
def _more(step):
    global _count
    _count += 1
    return [twice(add) for add in (step,)][0] + _count
class Heat:
    STEP = 5
    NEXT = STEP + 1
    def __init__(self, limit: int):
        self.limit: int = limit
        self.tune = lambda LIMITS: add(LIMITS, limit)
    def step(self, add):
        return _more(add) + self.NEXT
""",
    "f.ticks": "def add(a, b):\n    return a + b\n",
    "f.tune": """
from f import ticks
from f.heat import LIMITS, Heat
from f.own import OWN
class Tune:
    def run(self, heat):
        return ticks.add(heat.tune(1), OWN) + LIMITS[1], isinstance(heat, Heat)
""",
    "f.own": "OWN = 100\n",
    "f.alone": "from f.ticks import add\nSUM = add(1, 2)\n",
}
"""Names that are local here and global there, modules used as such, an import within a function, one from outside."""


def load(sources: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """`f.core`, from these modules."""
    waiting = dict(sources)

    class Finder:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> object:
            from importlib.machinery import ModuleSpec

            return ModuleSpec(name, Finder, is_package=name == "f") if name == "f" or name in waiting else None

        @staticmethod
        def create_module(spec: object) -> None:
            return None

        @staticmethod
        def exec_module(module: types.ModuleType) -> None:
            exec(waiting.get(module.__name__, ""), module.__dict__)

    for name in ["f", *SOURCES]:
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    import importlib

    return importlib.import_module("f.core")


@pytest.mark.parametrize("roots", [(), ("f.core",), ("f.core", "f.tune"), ("f.heat", "f.core", "f.tune")])
def test_linked_modules_do_the_same(roots, monkeypatch):
    linked = link(SOURCES, roots, "f")
    assert len(linked) == {0: 7, 1: 4, 2: 3, 3: 4}[len(roots)]
    core = load(linked, monkeypatch).Core()
    assert [core.step(7), core.step(7), core.tune()] == [7 * 2 + 1 + 6 + 4, 7 * 2 + 2 + 6 + 4, (108, True)]
    import importlib

    assert importlib.import_module("f.alone").SUM == 3


def test_islands_are_loaded_one_by_one():
    linked = link(SOURCES, ("f.heat", "f.core", "f.tune"), "f")
    loader = link({**SOURCES, "f.loop": "from f.core import Core\n"}, ("f.heat", "f.core"), "f")["f.loop"]
    assert [line for line in loader.split("\n") if "import__" in line] == [
        '__import__("f.heat")',
        '__import__("f.core")',
    ]
    assert "__import__" not in linked["f.alone"]


def test_what_nothing_in_an_island_imports_stays_as_it_is():
    assert link({"f.a": "def f(): pass  # here\n"}, ("f.core",), "f") == {"f.a": "def f(): pass  # here\n"}


def test_a_module_that_is_handed_on_is_refused():
    with pytest.raises(ValueError, match="handed on"):
        link({"f.core": "from f import b\nX = [b]\n", "f.b": "Y = 1\n"}, ("f.core",), "f")


def test_short_names_are_explained():
    found = explain(compile_device.folded_sources(compile_device.ROOT))
    assert found["step"].count("podsteam_firmware.core.Core.step") == 1
    private = [name for short in ("_0", "_1", "_a", "_1a") for name in found.get(short, ())]
    assert private
    assert all(name.rpartition(".")[2].startswith("_") or name.count(".") >= 2 for name in private)
