# SPDX-License-Identifier: Apache-2.0
"""A package as one packed stream: over bad lines, to units that take it otherwise, and with streams made to do harm."""

import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from podsteam import bulk, update
from podsteam.client import Device
from podsteam.errors import DeviceLost, Incomplete, Refused
from podsteam.flash import release
from podsteam.wire import messages as m
from podsteam_firmware.link import requests_update
from podsteam_firmware.link.update_stream import _AHEAD, _SLICE
from podsteam_twin import deflate_port

KEY = ec.generate_private_key(ec.SECP256R1())
CHANCE = random.Random(5)
FILES = {
    "podsteam_firmware/core.mpy": b"a newer application" * 300 + CHANCE.randbytes(3000),
    "podsteam_firmware/empty.mpy": b"",
    "podsteam_firmware/heat/hold.mpy": CHANCE.randbytes(5000),
    "podsteam_protocol/frame.mpy": b"frame" * 900,
}
PACKAGE = release.sign(release.build(FILES, "0.2.0", "twin"), KEY)
RAW = PACKAGE.pack()
SIZE = sum(map(len, PACKAGE.files.values()))
HEAD = len(RAW) - SIZE
KINDS = ["cpython", "micropython"]


def unit(interpreter: str = "cpython", **options: Any) -> Device:
    key = release.raw_key(KEY.public_key()).hex()
    return Device.open("sim", interpreter=interpreter, seed=4, slots=["files", "files"], update_key=key, **options)


def quiet(done: int, whole: int) -> None:
    """Nobody watches."""


def pack(data: bytes, window: int = update.WINDOW, level: int = 9) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -window, 9)
    return packer.compress(data) + packer.flush()


def to_the_files(device: Device) -> m.UpdateWriteReply:
    """The signed manifest is there, and the unit wants the files."""
    device.request(m.UpdateBeginRequest(PACKAGE.digest), m.UpdateBeginReply)
    bulk.Stream(device, 0, RAW[:HEAD], 0).carry_on()
    return update._wish(device, HEAD)


HARMLESS = ("UPDATE_CORRUPT", "UPDATE_ORDER", "")
"""What may become of a stream that was made to do harm; "": it is not refused, and more is wanted."""


def refused(device: Device, stream: bytes) -> str:
    """The code with which a packed stream in place of the files is refused."""
    try:
        bulk.Stream(device, HEAD, stream, update.WINDOW).carry_on()
        update._wish(device, len(RAW))
    except Refused as e:
        return e.name
    return ""


def truth(device: Device) -> dict[str, Any]:
    return device.port.control({"do": "state"})  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("interpreter", KINDS)
@pytest.mark.parametrize("ring", [259, 4096])
def test_it_loses_nothing_in_either_ring(interpreter: str, ring: int) -> None:
    with unit(interpreter, rx_ring=ring) as device:
        update.send(device, PACKAGE, quiet)
        assert truth(device)["rx_lost"] == 0
        assert update.restart(device).version == "0.2.0"


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line_makes_it_slower_not_wrong(seed: int) -> None:
    with unit(line={"bit_ppb": 60_000, "drop_ppm": 100, "seed": seed}) as device:
        update.send(device, PACKAGE, quiet)
        assert update.restart(device).version == "0.2.0"


def test_it_goes_on_after_the_cable_was_out() -> None:
    with unit() as device:
        port: Any = device.port
        begin, read = port.clock.now(), port.read

        def and_cut(timeout_s: float) -> bytes:
            if port.clock.now() - begin > 1.0:
                port.read = read
                port.unplug()
            return read(timeout_s)

        port.read = and_cut
        with pytest.raises(DeviceLost):
            update.send(device, PACKAGE, quiet)
        port.run(2.0)
        device.reconnect()
        update.send(device, PACKAGE, quiet)
        assert update.restart(device).version == "0.2.0"


def without_streams(patch: pytest.MonkeyPatch) -> None:
    """As version 1.1 of the protocol."""
    patch.delitem(requests_update.HANDLERS, m.UpdateStreamRequest.ID)


def without_packing(patch: pytest.MonkeyPatch) -> None:
    def none(source: object, window: int) -> None:
        raise ImportError

    patch.setattr(deflate_port, "inflate", none)


def without_memory(patch: pytest.MonkeyPatch) -> None:
    """Also where it is only missed when the unpacker takes it."""
    seen: list[int] = []

    class Late:
        def readinto(self, buf: memoryview) -> int:
            raise MemoryError

    def none(source: object, window: int) -> Late:
        seen.append(window)
        if len(seen) > 1:
            raise MemoryError
        return Late()

    patch.setattr(deflate_port, "inflate", none)


@pytest.mark.parametrize("lacks", [without_streams, without_packing, without_memory])
def test_a_unit_that_cannot_is_sent_the_same_otherwise(
    lacks: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks(monkeypatch)
    with unit() as device:
        update.send(device, PACKAGE, quiet)
        assert update.restart(device).version == "0.2.0"


@pytest.mark.parametrize(
    ("offset", "size", "window", "name"),
    [
        (HEAD + 1, 500, 10, "UPDATE_ORDER"),
        (0, 500, 10, "UPDATE_ORDER"),
        (HEAD, 0, 10, "UPDATE_ORDER"),
        (HEAD, 500, 8, "OUT_OF_RANGE"),
        (HEAD, 500, 13, "OUT_OF_RANGE"),
        (HEAD, 500, 255, "OUT_OF_RANGE"),
    ],
)
def test_what_makes_no_stream_is_refused(offset: int, size: int, window: int, name: str) -> None:
    with unit() as device:
        assert to_the_files(device).next == HEAD
        with pytest.raises(Refused) as caught:
            device.request(m.UpdateStreamRequest(offset, size, window), m.UpdateStreamReply)
        assert caught.value.name == name
        # And it goes on with what does.
        update.send(device, PACKAGE, quiet)


def test_before_the_signature_nothing_is_unpacked() -> None:
    with unit() as device:
        with pytest.raises(Refused, match="UPDATE_ORDER"):
            device.request(m.UpdateStreamRequest(0, 100, 0), m.UpdateStreamReply)
        device.request(m.UpdateBeginRequest(PACKAGE.digest), m.UpdateBeginReply)
        with pytest.raises(Refused, match="UPDATE_ORDER"):
            device.request(m.UpdateStreamRequest(0, 100, 10), m.UpdateStreamReply)


@pytest.mark.parametrize("interpreter", KINDS)
def test_a_bomb_ends_at_the_size_in_the_manifest(interpreter: str) -> None:
    """A thousandth of a package that unpacks to 40 MB writes no more than the files of the manifest have."""
    bomb = pack(bytes(40_000_000))
    with unit(interpreter) as device:
        to_the_files(device)
        before = truth(device)["erases"]
        assert refused(device, bomb) == "UPDATE_CORRUPT"
        assert truth(device)["erases"] - before < 2 * SIZE // 4096 + 4 * len(PACKAGE.files)
        update.send(device, PACKAGE, quiet)


@pytest.mark.parametrize("interpreter", KINDS)
@pytest.mark.parametrize(
    "harm",
    [
        b"\xff" * 3000,  # No such kind of block.
        b"\x00\x00\x00\xff\xff" * 800,  # Blocks that hold nothing.
        pack(RAW[HEAD:])[:-200],  # Cut off.
        pack(RAW[HEAD : HEAD + 6000]),  # Whole, but too little.
        pack(RAW[HEAD:], 15),  # It looks back further than it says.
        b"",
    ],
    ids=["no block", "empty blocks", "cut off", "too little", "looks back too far", "random"],
)
def test_a_stream_that_makes_no_sense_gets_nowhere(interpreter: str, harm: bytes) -> None:
    with unit(interpreter) as device:
        to_the_files(device)
        assert refused(device, harm or CHANCE.randbytes(4000)) in HARMLESS
        assert update.state(device).stage != m.UpdateValue.READY
        update.send(device, PACKAGE, quiet)
        assert update.restart(device).version == "0.2.0"


@pytest.mark.parametrize("at", range(7, len(pack(RAW[HEAD:])) - 1, 1501))
def test_a_byte_that_was_changed_before_it_was_framed_is_found(at: int) -> None:
    packed = bytearray(pack(RAW[HEAD:]))
    packed[at] ^= 0x10
    with unit() as device:
        to_the_files(device)
        assert refused(device, bytes(packed)) in HARMLESS
        assert update.state(device).stage != m.UpdateValue.READY


def test_a_unit_that_stands_still_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update._Sending, "_stream", lambda *_: None)
    with unit() as device, pytest.raises(Incomplete, match="does not get on"):
        update.send(device, PACKAGE, quiet)


def test_a_session_comes_first() -> None:
    with unit() as device:
        to_the_files(device)
        data = pack(RAW[HEAD:])
        device.request(m.UpdateStreamRequest(HEAD, len(data), update.WINDOW), m.UpdateStreamReply)
        device.port.control({"do": "press"})  # type: ignore[attr-defined]
        device.port.clock.sleep(5)
        assert device.status().state == m.StateValue.WARM_UP
        with pytest.raises(Refused, match="BUSY_SESSION"):
            bulk.Stream(device, HEAD, data, update.WINDOW).carry_on()
        assert truth(device)["hot_erases"] == 0
        device.stop()


def test_whoever_asks_for_blobs_sends_no_package_any_more() -> None:
    with unit() as device:
        to_the_files(device)
        data = pack(RAW[HEAD:])
        device.request(m.UpdateStreamRequest(HEAD, len(data), update.WINDOW), m.UpdateStreamReply)
        bulk.push(device, m.BlobValue.INBOX, 5, RAW[:5000])
        assert bulk.pull(device, m.BlobValue.INBOX, 5) == RAW[:5000]
        update.send(device, PACKAGE, quiet)
        assert update.restart(device).version == "0.2.0"


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_so_much_is_enough_for_a_slice(level: int) -> None:
    """Whatever a compressor makes of whatever bytes: no slice takes more of the stream than is waited for."""
    texts = [CHANCE.randbytes(40_000), bytes(40_000), RAW * 2]
    texts.append(bytes(CHANCE.choice(b"\0\1\2\3\x80\xff") if i % 3 else i & 255 for i in range(40_000)))
    for text in texts:
        packed = pack(text, 12, level)
        stream = zlib.decompressobj(-12)
        fed = 0
        out = 0
        while not stream.eof:
            before = fed
            got = 0
            while got < _SLICE and not stream.eof:
                part = stream.decompress(stream.unconsumed_tail, _SLICE - got)
                if not part and fed < len(packed):
                    part = stream.decompress(packed[fed : fed + 1], _SLICE - got)
                    fed += 1
                got += len(part)
            out += got
            assert fed - before <= _AHEAD
        assert out == len(text)
