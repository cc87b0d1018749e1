# SPDX-License-Identifier: Apache-2.0
"""The simulated PN532 against recorded frames and NXP's user manual: plain functions for both interpreters."""

from podsteam_twin.nfc.frames import ACK_FRAME, ERROR_FRAME, NACK_FRAME, frame, parse
from podsteam_twin.nfc.ntag import ACK, ACTIVE, Ntag, from_image
from podsteam_twin.nfc.pn532 import Pn532

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

UID = b"\x04\xab\x87\xf2\xca\x11\x90"
EIO = -5

# Frames recorded on real chips, the host's and the chip's.
FIRMWARE = bytes.fromhex("0000ff02fed4022a00")
FIRMWARE_ANSWER = bytes.fromhex("0000ff06fad50332010607e800")
SAM = bytes.fromhex("0000ff05fbd4140100001700")
LIST = bytes.fromhex("0000ff04fcd44a0100e100")
RETRIES = bytes.fromhex("0000ff06fad43205ff0101f400")


class Bench:
    """A chip, a clock, and a host that waits for the interrupt line."""

    def __init__(self, tag: "Ntag | None" = None) -> None:
        self.chip = Pn532()
        self.chip.tag = tag
        self.t = 0

    def wait(self) -> bool:
        """Go to the next interrupt; False when none will come."""
        at = self.chip.next_event_us()
        if at is None:
            return False
        if at > self.t:
            assert not self.chip.ready(at - 1)
            self.t = at
        assert self.chip.ready(self.t)
        return True

    def send(self, data: bytes) -> bytes:
        """A frame out, the ACK in, the whole answer frame in; b"" for none."""
        assert self.chip.write(self.t, data) == len(data)
        if not self.wait():
            return b""
        assert self.chip.read(self.t, 7) == b"\1" + ACK_FRAME
        return self.answer()

    def answer(self) -> bytes:
        if not self.wait():
            return b""
        data = self.chip.read(self.t, 300)
        assert data[0] == 1
        return data[1:]

    def command(self, payload: bytes) -> bytes:
        """The answer's bytes from the response code on."""
        data = parse(self.send(frame(b"\xd4" + payload)))
        assert data is not None and data[0] == 0xD5
        return data[1:]

    def start(self, retries: int = 1) -> None:
        assert self.command(b"\x14\x01\0\0") == b"\x15"
        assert self.command(bytes((0x32, 5, 0xFF, 1, retries))) == b"\x33"

    def select(self) -> None:
        assert self.command(b"\x4a\1\0")[:2] == b"\x4b\1"


def bench(tag: "Ntag | None" = None, retries: int = 1) -> Bench:
    it = Bench(tag)
    it.start(retries)
    return it


def check_frames() -> None:
    assert frame(b"\xd4\x02") == FIRMWARE
    assert frame(b"\xd4\x14\x01\0\0") == SAM
    assert frame(b"\xd4\x4a\x01\0") == LIST
    assert frame(b"\xd4\x32\x05\xff\x01\x01") == RETRIES
    assert parse(b"\x55\x55" + LIST + b"\0\0") == b"\xd4\x4a\x01\0"
    assert parse(ACK_FRAME) is ACK_FRAME
    assert parse(NACK_FRAME) is NACK_FRAME
    for size in (1, 254, 255, 256, 265):
        payload = bytes([i & 0xFF for i in range(size)])
        assert parse(frame(payload)) == payload
    assert frame(bytes(256))[:8] == b"\0\0\xff\xff\xff\x01\0\xff"


def check_damaged_frames_are_not_frames() -> None:
    for good in (FIRMWARE, LIST, frame(bytes(256))):
        payload = parse(good)
        for i in range(1, len(good) - 1):
            for bit in (1, 0x80):
                bad = bytearray(good)
                bad[i] ^= bit
                assert parse(bytes(bad)) != payload
            assert parse(good[:i]) is None


def check_recorded_exchange() -> None:
    b = Bench(Ntag("NTAG215", UID))
    assert b.chip.write(0, FIRMWARE) == 9
    assert b.chip.read(100, 7) == bytes(7)
    assert not b.chip.ready(999)
    assert b.chip.ready(1000)
    assert b.chip.read(1000, 1) == b"\1"
    assert b.chip.read(1000, 7) == b"\1" + ACK_FRAME
    assert not b.chip.ready(1000)
    b.t = 1000
    assert b.answer()[:14] == FIRMWARE_ANSWER + b"\0"
    assert b.send(SAM)[:9] == bytes.fromhex("0000ff02fed5151600")
    assert b.send(RETRIES)[:9] == bytes.fromhex("0000ff02fed533f800")
    answer = b.send(LIST)
    assert parse(answer) == b"\xd5\x4b\1\1\0\x44\0\7" + UID
    assert answer[:5] == b"\0\0\xff\x0f\xf1"


def check_read_and_write_by_data_exchange() -> None:
    tag = Ntag("NTAG215", UID)
    b = bench(tag)
    b.select()
    assert b.command(b"\x40\1\x30\0") == b"\x41\0" + tag.image()[:16]
    assert b.command(b"\x40\1\xa2\x10soak") == b"\x41\0"
    assert tag.image()[64:68] == b"soak"
    # The chip knows no others by this command.
    assert b.command(b"\x40\1\x3a\0\3") == b"\x41\x27"
    assert b.command(b"\x40\1\x60") == b"\x41\x14"
    assert b.command(b"\x40\2\x30\0") == b"\x41\x27"


def check_tag_commands_through() -> None:
    tag = Ntag("NTAG215", UID)
    tag.signature = bytes(range(32))
    b = bench(tag)
    b.select()
    assert b.command(b"\x42\x60") == b"\x43\0\0\4\4\2\1\0\x11\3"
    assert b.command(b"\x42\x3a\4\x43") == b"\x43\0" + tag.image()[16:272]
    assert b.command(b"\x42\x3c\0") == b"\x43\0" + bytes(range(32))
    assert b.command(b"\x42\x1b\xff\xff\xff\xff") == b"\x43\0\0\0"
    # A 4-bit ACK has no CRC: the write is done, but the chip reports a CRC error.
    assert b.command(b"\x42\xa2\x10soak") == b"\x43\2"
    assert tag.image()[64:68] == b"soak"
    assert b.command(b"\x42\x3a\0\x46") == b"\x43\7"


def check_nak_and_reselect() -> None:
    b = bench(Ntag("NTAG215", UID))
    b.select()
    assert b.command(b"\x40\1\x30\xf0") == b"\x41\x13"
    assert b.command(b"\x40\1\x30\0") == b"\x41\1"
    b.select()
    assert b.command(b"\x42\x3a\0\xf0") == b"\x43\2"
    b.select()
    assert b.command(b"\x40\1\x30\0")[:2] == b"\x41\0"


def check_unreleased_target_misses_one_request() -> None:
    b = bench(Ntag("NTAG215", UID), retries=0)
    found = []
    for _ in range(4):
        found.append(b.command(b"\x4a\1\0")[1])
    assert found == [1, 0, 1, 0]
    b.command(b"\x52\0")
    b.select()
    assert b.command(b"\x52\0") == b"\x53\0"
    b.select()


def check_release_deselect_select() -> None:
    tag = Ntag("NTAG215", UID)
    b = bench(tag)
    b.select()
    assert b.command(b"\x44\1") == b"\x45\0"
    assert b.command(b"\x40\1\x30\0") == b"\x41\1"
    assert b.command(b"\x54\1") == b"\x55\0"
    assert b.command(b"\x40\1\x30\0")[:2] == b"\x41\0"
    assert b.command(b"\x52\1") == b"\x53\0"
    assert b.command(b"\x40\1\x30\0") == b"\x41\x27"
    assert b.command(b"\x54\1") == b"\x55\x27"


def check_no_tag_takes_the_retries() -> None:
    for retries in (0, 1, 5):
        b = bench(retries=retries)
        b.command(b"\x32\1\1")
        start = b.t
        assert b.command(b"\x4a\1\0") == b"\x4b\0"
        assert 5000 * (retries + 1) <= b.t - start <= 5000 * (retries + 1) + 2000


def check_default_retries_wait_for_ever() -> None:
    b = Bench()
    b.command(b"\x14\1\0\0")
    assert b.send(LIST) == b""
    assert b.chip.next_event_us() is None
    assert not b.chip.ready(3_600_000_000)
    assert b.chip.read(3_600_000_000, 20) == bytes(20)
    # A new command gets no ACK.
    b.t = 3_600_000_000
    assert b.chip.write(b.t, FIRMWARE) == 9
    assert b.chip.next_event_us() is None
    # An ACK frame from the host aborts.
    assert b.chip.write(b.t, ACK_FRAME) == 6
    assert b.send(FIRMWARE)[:13] == FIRMWARE_ANSWER


def check_waiting_list_finds_a_tag_that_comes() -> None:
    b = Bench()
    b.command(b"\x14\1\0\0")
    assert b.send(LIST) == b""
    b.chip.place(5_000_000, Ntag("NTAG215", UID))
    assert 5_000_000 < b.chip.next_event_us() < 5_020_000
    assert parse(b.answer())[:4] == b"\xd5\x4b\1\1"


def check_durations() -> None:
    tag = Ntag("NTAG215", UID)
    b = bench(tag)
    start = b.t
    b.select()
    assert 9_000 < b.t - start < 12_000
    for payload, least, most in (
        (b"\x40\1\x30\4", 3_000, 5_000),
        (b"\x42\x3a\4\x3f", 22_000, 25_000),
        (b"\x40\1\xa2\4abcd", 6_000, 10_000),
    ):
        start = b.t
        b.command(payload)
        assert least < b.t - start < most


def check_air_time_grows_with_the_bytes() -> None:
    b = bench(Ntag("NTAG215", UID))
    b.select()
    spans = []
    for last in (4, 14):
        start = b.t
        b.command(bytes((0x42, 0x3A, 4, last)))
        spans.append(b.t - start)
    assert spans[1] - spans[0] == 40 * 85
    # 3 bytes and their CRC out, 4 bytes and their CRC in; the ACK and the chip take 1 ms each.
    assert spans[0] == 2000 + 85 * 11


def check_timeouts() -> None:
    tag = Ntag("NTAG215", UID)
    b = bench(tag)
    b.select()
    b.chip.tag = None

    def span(payload: bytes) -> int:
        start = b.t
        assert b.command(payload)[1] == 1
        return b.t - start

    assert span(b"\x40\1\x30\0") == 12_000
    assert span(b"\x42\x30\0") == 53_200
    # RFConfiguration item 2, its third byte: 0.1 ms times 2 to the power of one less.
    assert b.command(b"\x32\2\0\x0b\x07") == b"\x33"
    assert span(b"\x42\x30\0") == 8_400
    # A tag that is there but was dropped is waited for as long as none.
    b.chip.tag = tag
    assert span(b"\x42\x30\0") == 8_400
    for wrong in (b"\x32\2\0\x0b", b"\x32\2\0\x0b\x11"):
        assert b.send(frame(b"\xd4" + wrong))[:8] == ERROR_FRAME
    # The second tag is heard when the first is away.
    b.chip.tag = None
    b.chip.others = [tag]
    b.select()
    start = b.t
    assert b.command(b"\x42\x60")[1] == 0
    assert b.t - start < 4_000


def check_needs_sam_configuration() -> None:
    b = Bench(Ntag("NTAG215", UID))
    assert b.send(FIRMWARE)[:13] == FIRMWARE_ANSWER
    assert b.send(LIST)[:8] == ERROR_FRAME
    b.start()
    b.select()
    b.chip.reset(b.t, True)
    assert b.chip.write(b.t, FIRMWARE) == EIO
    b.chip.reset(b.t + 1000, False)
    assert b.chip.write(b.t + 1500, FIRMWARE) == EIO
    b.t += 3000
    assert not b.chip.rf_on
    assert b.send(LIST)[:8] == ERROR_FRAME
    b.start()
    b.select()


def check_bad_syntax() -> None:
    b = bench(Ntag("NTAG215", UID))
    for payload in (
        b"\x99",
        b"\x4a",
        b"\x4a\1",
        b"\x4a\3\0",
        b"\x14",
        b"\x14\7",
        b"\x32\5\1",
        b"\x32\x77\1",
        b"\x40\1",
    ):
        assert b.send(frame(b"\xd4" + payload))[:8] == ERROR_FRAME


def check_damaged_frame_gets_no_ack() -> None:
    b = Bench()
    for data in (
        b"\0\0\xff\2\xfe\xd4\2\x2b\0",
        b"\0\0\xff\2\xfd\xd4\2\x2a\0",
        b"\0\0\xff\2\xfe\xd5\2\x29\0",
        b"\0",
        b"",
    ):
        assert b.chip.write(b.t, data) == len(data)
        assert b.chip.next_event_us() is None
    assert b.send(FIRMWARE)[:13] == FIRMWARE_ANSWER


def check_abort_does_not_undo_what_the_tag_was_told() -> None:
    for after, content in ((500, bytes(4)), (1500, b"done")):
        tag = Ntag("NTAG215", UID)
        b = bench(tag)
        b.select()
        b.chip.write(b.t, frame(b"\xd4\x40\1\xa2\x10done"))
        b.t += after
        b.chip.write(b.t, ACK_FRAME)
        assert b.chip.next_event_us() is None
        assert tag.image()[64:68] == content
        assert b.command(b"\x40\1\x30\x10")[2:6] == content


def check_nack_repeats_a_cut_answer() -> None:
    b = Bench()
    b.chip.write(0, FIRMWARE)
    b.wait()
    b.chip.read(b.t, 7)
    b.wait()
    assert b.chip.read(b.t, 6) == b"\1" + FIRMWARE_ANSWER[:5]
    assert b.chip.read(b.t, 14) == bytes(14)
    b.chip.write(b.t, NACK_FRAME)
    assert b.answer()[:13] == FIRMWARE_ANSWER


def check_new_command_drops_an_unread_answer() -> None:
    b = Bench()
    b.chip.write(0, FIRMWARE)
    b.t = 100_000
    assert b.send(SAM)[5:7] == b"\xd5\x15"


def check_power_down_and_wake() -> None:
    b = bench(Ntag("NTAG215", UID))
    b.select()
    assert b.command(b"\x16\x80") == b"\x17\0"
    assert not b.chip.rf_on
    assert b.chip.read(b.t, 7) == EIO
    assert b.send(FIRMWARE)[:13] == FIRMWARE_ANSWER
    assert b.send(FIRMWARE)[:13] == FIRMWARE_ANSWER
    assert b.command(b"\x16\x20") == b"\x17\0"
    assert b.chip.write(b.t, FIRMWARE) == EIO


def check_field_off_loses_the_target() -> None:
    tag = Ntag("NTAG215", UID)
    b = bench(tag)
    b.select()
    assert b.chip.rf_on and tag.state == ACTIVE
    assert b.command(b"\x32\1\0") == b"\x33"
    assert not b.chip.rf_on and tag.state == 0
    assert b.command(b"\x40\1\x30\0") == b"\x41\x27"
    assert b.command(b"\x42\x60") == b"\x43\1"


def check_removal_and_swap_time_out() -> None:
    tag = Ntag("NTAG215", UID)
    other = Ntag("NTAG215", b"\x04\1\2\3\4\5\6")
    for comes in (None, other):
        b = bench(tag)
        b.select()
        b.chip.tag = comes
        assert b.command(b"\x40\1\x30\0") == b"\x41\1"
        assert b.command(b"\x42\x3a\0\3") == b"\x43\1"
        b.chip.tag = tag
        assert b.command(b"\x40\1\x30\0") == b"\x41\1"
        b.select()


def check_removal_during_an_exchange() -> None:
    b = bench(Ntag("NTAG215", UID))
    b.select()
    b.chip.write(b.t, frame(b"\xd4\x42\x3a\4\x3f"))
    b.wait()
    b.chip.read(b.t, 7)
    b.chip.place(b.t + 3000, None)
    assert parse(b.answer()) == b"\xd5\x43\1"


def check_removal_after_the_exchange_is_too_late() -> None:
    tag = Ntag("NTAG215", UID)
    b = bench(tag)
    b.select()
    b.chip.write(b.t, frame(b"\xd4\x40\1\xa2\x10done"))
    b.chip.place(b.t + 20_000, None)
    b.t += 20_000
    assert b.chip.read(b.t, 7) == b"\1" + ACK_FRAME
    assert parse(b.answer()) == b"\xd5\x41\0"
    assert tag.image()[64:68] == b"done"


def check_removal_tears_a_write() -> None:
    outcomes = []
    for after in range(1000, 8000, 100):
        tag = Ntag("NTAG215", UID)
        b = bench(tag)
        b.select()
        b.chip.write(b.t, frame(b"\xd4\x40\1\xa2\x10done"))
        b.chip.place(b.t + after, None)
        content = tag.image()[64:68]
        if content not in outcomes:
            outcomes.append(content)
    assert outcomes == [bytes(4), b"do\0\0", b"done"]
    # A reset of the chip cuts the field as well.
    tag = Ntag("NTAG215", UID)
    b = bench(tag)
    b.select()
    b.chip.write(b.t, frame(b"\xd4\x40\1\xa2\x10done"))
    b.chip.reset(b.t + 4800, True)
    assert tag.image()[64:68] == b"do\0\0"


def check_two_tags() -> None:
    one = Ntag("NTAG215", UID)
    two = Ntag("NTAG213", b"\x04\1\2\3\4\5\6")
    b = bench(one)
    b.chip.others = [two]
    answer = b.command(b"\x4a\2\0")
    assert answer[:2] == b"\x4b\2"
    assert answer[7:14] == UID and answer[19:26] == two.uid
    assert b.command(b"\x40\2\x30\0") == b"\x41\0" + two.image()[:16]
    assert b.command(b"\x40\1\x30\0") == b"\x41\0" + one.image()[:16]
    assert b.command(b"\x40\2\x30\0") == b"\x41\0" + two.image()[:16]
    b.command(b"\x52\0")
    wanted = b"\x88" + two.uid
    assert b.command(b"\x4a\1\0" + wanted) == b"\x4b\1\1\0\x44\0\7" + two.uid


def check_wrong_check_byte_is_not_listed() -> None:
    image = bytearray(Ntag("NTAG215", UID).image())
    image[3] ^= 1
    assert bench(from_image(bytes(image))).command(b"\x4a\1\0") == b"\x4b\0"


def check_fault_silent() -> None:
    b = Bench()
    b.chip.silent = True
    assert b.chip.write(0, FIRMWARE) == 9
    assert b.chip.next_event_us() is None
    assert b.chip.read(10_000, 7) == bytes(7)


def check_fault_bad_checksum() -> None:
    b = Bench()
    b.chip.bad_checksum = True
    answer = b.send(FIRMWARE)
    assert answer[:11] == FIRMWARE_ANSWER[:11]
    assert parse(answer) is None


def check_fault_stuck_bus() -> None:
    for name in ("stuck_bus", "stuck_sda"):
        b = Bench()
        b.chip.write(0, FIRMWARE)
        setattr(b.chip, name, True)
        assert b.chip.write(2000, FIRMWARE) == EIO
        assert b.chip.read(2000, 7) == EIO
        assert not b.chip.ready(2000)
        b.chip.reset(3000, True)
        b.chip.reset(4000, False)
        b.t = 7000
        healed = name == "stuck_sda"
        assert (b.chip.write(b.t, FIRMWARE) == 9) == healed


def check_fault_late() -> None:
    b = Bench()
    b.chip.late_ms = 30
    b.chip.write(0, FIRMWARE)
    assert b.chip.next_event_us() == 31_000
    b.wait()
    b.chip.read(b.t, 7)
    assert 61_000 <= b.chip.next_event_us() < 62_000
    assert b.answer()[:13] == FIRMWARE_ANSWER


def check_every_tag_byte_survives_the_air() -> None:
    """A whole dump by READ and by FAST_READ is the image with password and PACK zero."""
    for model in ("NTAG213", "NTAG215", "NTAG216"):
        tag = Ntag(model, UID)
        user = [i * 7 & 0xFF for i in range(tag.mem[14] * 8)]
        tag.mem[16 : 16 + len(user)] = bytes(user)
        expected = tag.image()[:-8] + bytes(8)
        b = bench(tag)
        b.select()
        slow = b""
        for page in range(0, tag.pages, 4):
            slow += b.command(bytes((0x40, 1, 0x30, page)))[2:]
        assert slow[: len(expected)] == expected
        fast = b""
        for page in range(0, tag.pages, 60):
            fast += b.command(bytes((0x42, 0x3A, page, min(page + 59, tag.pages - 1))))[2:]
        assert fast == expected
        assert tag.command(b"\xa2\x04last") == ACK


def all_checks() -> "list[tuple[str, Callable[[], None]]]":
    """The checks by name."""
    return [(name, value) for name, value in sorted(globals().items()) if name.startswith("check_")]


if __name__ == "__main__":
    for name, check in all_checks():
        check()
        print(name)
