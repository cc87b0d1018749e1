# SPDX-License-Identifier: Apache-2.0
"""Nothing of the podlet's code is loaded while the element is hot: loading takes longer than a tick can wait.

The modules that are loaded on demand are forgotten first, as a device that has just started does not have them; then
each load is told with what the session does at that moment.
"""

import importlib
import struct
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from bench import TOKEN, Bench

from podsteam import podlet_image, podlet_sign, recall
from podsteam.podlet_file import parse
from podsteam.wire import messages as w
from podsteam_firmware.podlet.reader import Reader
from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_codec as codec
from podsteam_twin import podlets
from podsteam_twin.nfc.ntag import Ntag

APP = "podsteam_firmware."
ON_DEMAND = ("podlet.witness", "podlet.signed", "podlet.recall", "podlet.errand", "crypto.ecdsa")
FIELDS: "codec.Fields" = {p.MAIN_NAME: "Mist", p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20}
UID = b"\x04\1\2\3\4\5\6"
TEXT = 'name = "Mist"\ndose_ul = 50\ndoses = 20\n'


class Loads:
    """A finder that finds nothing, and notes what is looked for, and whether the element was hot."""

    def __init__(self) -> None:
        self.core: Any = None
        self.hot: list[str] = []
        self.cold: list[str] = []

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.startswith(APP) and self.core is not None:
            (self.hot if self.core.session.heating() else self.cold).append(name.removeprefix(APP))


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules as they are after a start: not loaded."""
    for name in ON_DEMAND:
        package, _, last = (APP + name).rpartition(".")
        monkeypatch.delitem(sys.modules, APP + name, raising=False)
        monkeypatch.delattr(importlib.import_module(package), last, raising=False)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loads]:
    found = Loads()
    monkeypatch.setattr(sys, "meta_path", [found, *sys.meta_path])
    yield found
    found.core = None


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A signed podlet's tag, and the key."""
    private = tmp_path_factory.mktemp("keys") / "private.pem"
    private.write_bytes(podlet_sign.new_key()[0])
    key = podlet_sign.public_key(private)
    made = podlet_image.make(podlet_image.blank("NTAG215", UID), parse(TEXT, "x"), b"PS-1")
    return podlet_sign.sign(made, key, podlet_sign.file_signer(private)), key


def core_of(bench: Bench) -> Any:
    return bench.twin.machine.loop.core  # type: ignore[attr-defined]


def device(loads: Loads, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes] | None = None) -> Bench:
    """A device that has started with these files and without a podlet."""
    loads.core = None
    bench = Bench()
    bench.control("remove")
    bench.run(2)
    for name, data in (files or {}).items():
        assert core_of(bench).hal.file_write(name, data)
    forget(monkeypatch)
    bench.control("reset", cause="power")
    bench.run(3)
    loads.core = core_of(bench)
    bench.hello()
    return bench


def heat(bench: Bench, by_host: bool = False) -> None:
    """A session that heats."""
    if by_host:
        bench.ask(w.ArmRequest(TOKEN, b""))
    bench.press()
    assert core_of(bench).session.heating()


def put(bench: Bench, dump: bytes, wait_s: float = 3) -> int:
    """A podlet comes; its state."""
    bench.control("insert", dump=bytes(dump).hex())
    bench.run_hosted(wait_s)
    return int(bench.ask(w.PodletGetRequest()).state)


@pytest.mark.parametrize("by_host", [False, True])
def test_a_podlet_that_comes_while_hot(by_host: bool, loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first session of a device: nothing but its own begin stands in the ledger."""
    bench = device(loads, monkeypatch)
    heat(bench, by_host)
    assert put(bench, podlets.build(FIELDS).image()) == w.PodletValue.GUEST
    assert (loads.cold, loads.hot) == (["podlet.witness"], [])
    bench.close()


def test_a_signed_podlet_and_a_recall_list(
    loads: Loads, signed: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is loaded is what this device may need, and no more."""
    dump, key = signed
    bench = device(loads, monkeypatch)
    heat(bench)
    assert put(bench, dump, 12) == w.PodletValue.GUEST
    assert (loads.cold, loads.hot) == (["podlet.witness"], []), "no key is trusted, so nothing is checked"
    bench.close()

    loads.cold.clear()
    bench = device(loads, monkeypatch, {"podlet_keys": key})
    heat(bench)
    assert put(bench, dump, 12) == w.PodletValue.SIGNED
    assert (loads.cold, loads.hot) == (["podlet.witness", "podlet.signed", "crypto.ecdsa"], [])
    bench.close()

    loads.cold.clear()
    bench = device(loads, monkeypatch, {"podlet_keys": key, **recall_list(key)})
    heat(bench)
    assert put(bench, dump) == w.PodletValue.RECALLED
    assert sorted(loads.cold) == ["crypto.ecdsa", "podlet.recall", "podlet.signed", "podlet.witness"]
    assert loads.hot == []
    bench.close()


def recall_list(key: bytes) -> dict[str, bytes]:
    """A stored list of that key which names the podlet; a device checks the signature when it takes one up."""
    head = struct.pack("<4sIHH8s", b"PSRL", 1, 20_700, 1, podlet_sign.key_id(key))
    return {f"recall/{podlet_sign.key_id(key).hex()}": head + recall.entry_of_uid(UID) + bytes(64)}


def test_a_look_at_the_tag_that_a_session_overtakes(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for while the button is down, at every moment between two visits to the tag."""
    overtaken = 0
    for moment_ms in range(0, 300, 20):
        bench = device(loads, monkeypatch)
        put(bench, podlets.build(FIELDS).image(), 3 + moment_ms / 1000)
        bench.control("press")
        bench.run(0.1)
        bench.ask(w.PodletTagRequest(1))
        bench.run(3)
        assert core_of(bench).session.heating() and loads.hot == []
        overtaken += core_of(bench).reader.errand._check is not None
        bench.close()
    assert overtaken, "in none was the signature read while hot"


def test_a_floor_that_is_due_when_the_session_begins(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag with a floor comes around the start: its lock bits wait for the end, whatever comes first."""
    slots = codec.slot(10, 10, 500_000, 20_000, 1) + bytes(16)
    tag = Ntag("NTAG215")
    podlets.write_ndef(tag, codec.ndef(codec.cbor(FIELDS), codec.first_record("Mist"), slots, floor=4))
    unaware: list[int] = []
    pump = Reader.pump

    def watched(reader: Reader, now_ms: int) -> bool:
        if loads.core is not None and loads.core.session.heating() and not reader.in_use:
            unaware.append(now_ms)
        return pump(reader, now_ms)

    monkeypatch.setattr(Reader, "pump", watched)
    for moment_ms in range(0, 600, 60):
        bench = device(loads, monkeypatch)
        bench.control("insert", dump=bytes(tag.image()).hex())
        bench.run(moment_ms / 1000)
        heat(bench)
        bench.run(3)
        assert (loads.hot, unaware) == ([], []), moment_ms
        bench.close()


def test_a_load_while_hot_would_be_seen(
    loads: Loads, signed: tuple[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with nothing loaded before the session."""

    def nothing(_: Reader) -> None: ...

    monkeypatch.setattr(Reader, "load", nothing)
    dump, key = signed
    bench = device(loads, monkeypatch, {"podlet_keys": key, **recall_list(key)})
    heat(bench)
    put(bench, dump)
    assert loads.hot == ["podlet.witness", "podlet.recall", "crypto.ecdsa", "podlet.signed"]
    bench.close()
