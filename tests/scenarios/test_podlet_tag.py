# SPDX-License-Identifier: Apache-2.0
"""The tag itself over the link: look, password, floor; begun at rest, carried on between the ticks."""

from binascii import a2b_base64
from typing import Any

import pytest
from bench import Bench, Refused

from podsteam.wire import messages as w
from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_codec as codec
from podsteam_twin import podlets
from podsteam_twin.nfc.ntag import Ntag

FIELDS = {p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 8}


def opened(interpreter: str = "cpython", tag: Ntag | None = None) -> Bench:
    bench = Bench(interpreter)
    bench.control("insert", dump=bytes((tag or podlets.build(FIELDS)).image()).hex())
    bench.run(3)
    bench.hello()
    return bench


def settled(bench: Bench, what: int, password: bytes = b"") -> Any:
    reply = bench.ask(w.PodletTagRequest(what, password))
    for _ in range(100):
        if reply.state != w.WriteValue.BUSY:
            break
        bench.run(0.2)
        reply = bench.ask(w.PodletTagRequest(0))
    return reply


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_a_look_and_a_password(interpreter: str, micropython: str) -> None:
    bench = opened(interpreter)
    assert bench.ask(w.PodletTagRequest(0)).state == w.WriteValue.IDLE
    looked = settled(bench, 1)
    # A simulated tag has no signature of NXP's.
    assert (looked.state, looked.original, w.CODES[looked.code].name) == (w.WriteValue.DONE, 2, "TAG_COPY")
    assert (looked.auth0, looked.counter, looked.locks) == (0xFF, 0xFFFFFFFF, bytes(5))
    assert settled(bench, 2, b"\xff" * 4).state == w.WriteValue.DONE
    wrong = settled(bench, 2, b"nope")
    assert (wrong.state, w.CODES[wrong.code].name) == (w.WriteValue.FAILED, "TAG_PASSWORD")
    assert bench.ask(w.PodletGetRequest()).state == w.PodletValue.GUEST
    # Other work may be begun after it.
    assert bench.twin.interpreter != "cpython" or bench.twin.machine.loop.core.extra is None  # type: ignore[attr-defined]
    bench.close()


def test_what_is_refused() -> None:
    bench = opened()
    for what, password in ((3, b""), (1, b"nope"), (2, b""), (2, b"five5")):
        with pytest.raises(Refused, match="OUT_OF_RANGE"):
            bench.ask(w.PodletTagRequest(what, password))
    bench.control("remove")
    bench.run(2)
    with pytest.raises(Refused, match="NO_PODLET"):
        bench.ask(w.PodletTagRequest(1))
    bench.start()
    with pytest.raises(Refused, match="BUSY_SESSION"):
        bench.ask(w.PodletTagRequest(1))
    bench.close()


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_slots_behind_a_password(interpreter: str, micropython: str) -> None:
    """Each dose is refused with its reason and no pulse, and the tag is as it was; with the password it doses."""
    tag = podlets.build(FIELDS)
    at = 4 * (tag.pages - 5)
    tag.mem[at + 7] = 4
    tag.mem[at + 12 : at + 18] = b"SESAPA"
    bench = opened(interpreter, tag)
    bench.press()
    bench.run(330)
    refused = [a for event, a, _ in bench.events if event == w.EventValue.DOSE_REFUSED]
    assert len(refused) > 2 and set(refused) == {w.DoseValue.TAG_WRITE}
    assert not bench.saw(w.EventValue.DOSE_INTENT)
    truth = bench.control("state")
    assert truth["delivered_nl"] == 0 and truth["steam_mg"] > 8000
    assert a2b_base64(bench.control("images")["tag"]) == bytes(tag.image())
    assert settled(bench, 2, b"SESA").state == w.WriteValue.DONE
    bench.press()
    bench.run(330)
    reply = bench.ask(w.PodletGetRequest())
    assert bench.saw(w.EventValue.DOSE_INTENT) and bench.control("state")["delivered_nl"] > 0
    assert reply.doses_used > 2 and reply.doses_left == 8 - reply.doses_used
    bench.close()


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_the_floor_is_locked_after_a_session_not_in_it(interpreter: str, micropython: str) -> None:
    tag = Ntag("NTAG215")
    podlets.write_ndef(tag, codec.ndef(codec.cbor(FIELDS), codec.first_record("Mist"), floor=4))
    bench = opened(interpreter, tag)

    def bits() -> int:
        memory = bench.ask(w.PodletReadRequest(0)).data
        return int(memory[10] | memory[11] << 8)

    assert bits() == 0
    bench.press()
    used = 0
    while used < 2:
        bench.run(5)
        used = bench.ask(w.PodletGetRequest()).doses_used
    assert bits() == 0
    bench.run(300)
    used = bench.ask(w.PodletGetRequest()).doses_used
    assert used == 4 and bits() == 0x30
    assert bench.ask(w.PodletTagRequest(0)).state == w.WriteValue.DONE
    bench.close()
