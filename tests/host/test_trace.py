# SPDX-License-Identifier: Apache-2.0
"""`link trace`: every frame on the line made readable, live and from a file; nothing in it is trusted."""

import dataclasses
import json
import random
import re
from pathlib import Path

import pytest
from calls import call, one_sentence
from hypothesis import given
from hypothesis import strategies as st

import podsteam
from podsteam import trace
from podsteam.errors import IntegrityFailed, StoreFailed
from podsteam.transport.sim import SimPort
from podsteam.wire import messages as w
from podsteam.wire.base import Message
from podsteam_protocol.frame import encode

Capture = pytest.CaptureFixture[str]
DOWN, UP = trace.TO_DEVICE, trace.FROM_DEVICE
EVERY: list[type[Message]] = [
    kind for kind in vars(w).values() if isinstance(kind, type) and issubclass(kind, Message) and kind.ID
]


def items(*chunks: tuple[str, bytes]) -> list[trace.Item]:
    return list(trace.decoded(trace.Chunk(i / 10, way, data) for i, (way, data) in enumerate(chunks)))


def frame_of(kind: type[Message]) -> tuple[str, bytes]:
    message = kind()
    reply = bool(kind.ID & w.REPLY)
    payload = (b"\x78\x56\x34\x12" if reply else b"") + message.pack()
    return (UP if reply or kind.ID >= 0x70 else DOWN), encode(kind.ID, 7, payload)


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_every_message_is_read_with_its_fields(kind: type[Message]) -> None:
    (item,) = items(frame_of(kind))
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    assert list(item["fields"]) == names
    assert item["seq"] == 7 and item["kind"] == ("reply" if kind.ID & w.REPLY else "frame")
    assert item["boot_id"] == ("12345678" if kind.ID & w.REPLY else None)
    assert kind.__name__.upper().startswith(item["message"].replace("_", ""))
    assert item["message"] in trace.line(item) and item["message"] + " #7" in trace.line(item).replace(" reply", "")


def test_values_are_named_and_structs_taken_apart() -> None:
    status = w.StatusGetReply(state=3, flags=1 | 4, fault=101, program=b"gentle".ljust(16, b"\0"), wall_cdeg=-12)
    program = w.Program(name=b"mine".ljust(16, b"\0"), steam1_s=60)
    first, second = items(
        (UP, encode(w.StatusGetReply.ID, 1, bytes(4) + status.pack())),
        (DOWN, encode(w.ProgramPutRequest.ID, 2, program.pack())),
    )
    fields = first["fields"]
    assert (fields["state"], fields["fault"], fields["program"]) == ("STEAM", "WALL_OPEN", "gentle")
    assert fields["flags"] == ["RELAY", "WATER_OK"] and fields["wall_cdeg"] == -12
    assert second["fields"]["program"]["steam1_s"] == 60
    assert "program=(name=mine" in trace.line(second)


def test_older_and_newer_ends_and_unknown_messages_are_shown_as_far_as_they_go() -> None:
    old, new, unknown = items(
        (UP, encode(w.StatusGetReply.ID, 1, bytes(4) + w.StatusGetReply(state=1).pack()[:4])),
        (DOWN, encode(w.TeleSubRequest.ID, 2, w.TeleSubRequest(500).pack() + b"\xaa\xbb")),
        (DOWN, encode(0x6F, 3, b"\x01")),
    )
    assert list(old["fields"]) == ["state", "regime", "flags"]
    assert new["fields"] == {"period_ms": 500, "more": "aabb"}
    assert unknown["message"] == "0x6f" and unknown["fields"] == {"more": "01"}


def test_damage_and_text_are_told_apart_and_cannot_steer_a_terminal() -> None:
    whole = bytearray(encode(w.StatusGetRequest.ID, 1))
    whole[3] ^= 4
    found = items((UP, b"ets Jul 29 2019\r\n\x1b[2Jrst:0x1\0"), (DOWN, bytes(whole)), (UP, b"\x05half"))
    assert [(item["kind"], item["way"]) for item in found] == [("text", UP), ("damaged", DOWN), ("damaged", UP)]
    assert "\\x1b[2J" in trace.line(found[0]) and "\x1b" not in trace.line(found[0])
    assert trace.line(found[1]).endswith(f"DAMAGED, {len(whole) - 2} bytes: {whole[1:-1].hex()}")


@given(st.lists(st.tuples(st.sampled_from(trace.WAYS), st.binary(max_size=300)), max_size=8))
def test_whatever_is_on_the_line_becomes_printable_lines(chunks: list[tuple[str, bytes]]) -> None:
    for item in items(*chunks):
        assert trace.line(item).isprintable()
        json.dumps(item)


def test_random_payloads_of_known_messages_become_printable_lines() -> None:
    chance = random.Random(4)
    for _ in range(3000):
        body = chance.randbytes(chance.randrange(60))
        for item in items((UP, encode(chance.choice(EVERY).ID, 0, body))):
            assert trace.line(item).isprintable()


def test_a_bad_line_shows_what_was_damaged_and_what_was_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "bad.trace"
    recorder = trace.Recorder(path, "sim\x1b")
    with podsteam.connect("sim", seed=3, interpreter="cpython") as device:
        port = device.port
        assert isinstance(port, SimPort)
        device.link.tap = lambda way, data: recorder.take(trace.Chunk(port.clock.now(), way, data))
        port.control({"do": "line", "flip_ppm": 1500, "seed": 1})
        for _ in range(40):
            device.status()
        port.control({"do": "line"})
        port.unplug()
        device.reconnect()
        retries = device.link.retries
    recorder.close()
    found = list(trace.decoded(trace.read(path)))
    assert "\x1b" not in path.read_text()
    asked = [item for item in found if item["message"] == "STATUS_GET" and item["kind"] == "frame"]
    assert retries > 0 and len(asked) == 40 + retries
    assert any(item["kind"] == "damaged" for item in found)
    assert [item["kind"] for item in found].count("reopened") == 1
    times = [item["at_s"] for item in found]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("nonsense\n", 1),
        ('{"a":1}\n', 1),
        ("[]\n", 1),
        ('{"podsteam_trace":1}\n{"at_s":1,"way":"sideways","hex":""}\n', 2),
        ('{"podsteam_trace":1}\n{"at_s":1,"way":"to_device","hex":"0"}\n', 2),
        ('{"podsteam_trace":1}\n{"at_s":"nan","way":"to_device","hex":"00"}\n', 2),
        ('{"podsteam_trace":1}\n' + "[" * 100_000 + "\n", 2),
        ('{"podsteam_trace":1}\n\xff\n', 2),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(text: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(IntegrityFailed, match=f"line {line}:"):
        list(trace.read(path))


def test_a_trace_that_was_cut_off_and_one_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text('{"podsteam_trace":1}\n{"at_s":1,"way":"to_device","hex":"00"}\n{"at_s":2,"way":"to_dev')
    assert [chunk.at_s for chunk in trace.read(path)] == [1.0]
    path.write_text('{"podsteam_trace":2}\n')
    with pytest.raises(IntegrityFailed, match="another version"):
        list(trace.read(path))
    with pytest.raises(StoreFailed, match="cannot be written"):
        trace.Recorder(tmp_path / "no" / "x", "sim")


def test_the_commands(capsys: Capture, tmp_path: Path) -> None:
    path = str(tmp_path / "line.trace")
    live = call(capsys, "--port", "sim", "--trace", path, "link", "trace", "--count", "12", "--period", "0.2")
    assert live.status == 0
    assert re.search(r"^     0\.000 -> HELLO #1 token=\d+ major=1", live.out, re.MULTILINE)
    assert "<- TELE #0" in live.out
    kept = call(capsys, "link", "trace", path, "--count", "12")
    assert kept.out == live.out
    rows = [json.loads(row) for row in call(capsys, "link", "trace", path, "--jsonl").out.splitlines()]
    assert rows[1]["fields"]["caps"] and rows[1]["boot_id"]
    done = call(capsys, "--port", "sim", "--trace", path, "status")
    assert done.status == 0 and "STATUS_GET" in call(capsys, "link", "trace", path).out
    with (tmp_path / "line.trace").open("a") as file:
        file.write('{"at_s":9,"way":"from_device","hex":"00686900057f00"}\n')
    damaged = [json.loads(row) for row in call(capsys, "link", "trace", path, "--jsonl").out.splitlines()]
    assert [(row["kind"], row["message"]) for row in damaged[-2:]] == [("text", None), ("damaged", None)]
    refused = call(capsys, "link", "trace", str(tmp_path / "nosuch"))
    assert refused.status == 40 and "cannot be read" in one_sentence(refused)
    refused = call(capsys, "--port", "sim", "--trace", str(tmp_path / "no" / "x"), "status")
    assert refused.status == 40 and "cannot be written" in one_sentence(refused)
