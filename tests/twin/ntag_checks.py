# SPDX-License-Identifier: Apache-2.0
"""The simulated NTAG21x against NXP's data sheet: plain functions for both interpreters, each prints its name."""

from podsteam_twin.nfc.ntag import ACK, ACTIVE, HALT, IDLE, NAK_ARGUMENT, NAK_AUTH_LIMIT, OFF, Ntag, from_image, torn

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

UID = b"\x04\xab\x87\xf2\xca\x11\x90"


def active(model: str = "NTAG215") -> Ntag:
    tag = Ntag(model, UID)
    select(tag)
    return tag


def select(tag: Ntag) -> None:
    tag.field(True)
    assert tag.request(True)
    assert tag.select()


def write(tag: Ntag, page: int, data: bytes) -> "int | bytes | None":
    return tag.command(bytes((0xA2, page)) + data)


def read(tag: Ntag, page: int) -> "int | bytes | None":
    return tag.command(bytes((0x30, page)))


def refuses(function: "Callable[..., object]", *arguments: object) -> str:
    """The sentence with which it refuses."""
    try:
        function(*arguments)
    except ValueError as e:
        return str(e)
    raise AssertionError("accepted")


def check_factory_memory() -> None:
    facts = (("NTAG213", 45, 0x12, 0x28), ("NTAG215", 135, 0x3E, 0x82), ("NTAG216", 231, 0x6D, 0xE2))
    for model, pages, size, dynlock in facts:
        tag = Ntag(model, UID)
        image = tag.image()
        assert len(image) == 4 * pages
        assert image[0:4] == b"\x04\xab\x87\xa0"  # 88 ^ 04 ^ AB ^ 87
        assert image[4:10] == b"\xf2\xca\x11\x90\xb9\x48"
        assert image[10:16] == bytes((0, 0, 0xE1, 0x10, size, 0))
        assert image[4 * dynlock :] == b"\0\0\0\xbd\x04\0\0\xff\0\x05\0\0\xff\xff\xff\xff\0\0\0\0"
        assert tag.uid == UID
        assert tag.uid_ok()


def check_get_version() -> None:
    for model, storage in (("NTAG213", 0x0F), ("NTAG215", 0x11), ("NTAG216", 0x13)):
        assert active(model).command(b"\x60") == bytes((0, 4, 4, 2, 1, 0, storage, 3))


def check_image_round_trip() -> None:
    tag = active("NTAG216")
    assert write(tag, 0x10, b"abcd") == ACK
    again = from_image(tag.image())
    assert again.model == "NTAG216"
    assert again.image() == tag.image()
    assert refuses(from_image, bytes(48)) == "an NTAG image has 180, 540 or 924 bytes, not 48"
    assert refuses(Ntag, "NTAG210") == "unknown tag model NTAG210"
    assert refuses(Ntag, "NTAG215", b"\x04") == "a UID has 7 bytes, not 1"


def check_read_wraps_at_the_last_page() -> None:
    tag = active()
    image = tag.image()
    assert read(tag, 0) == image[:16]
    # Pages 0x85 (PWD) and 0x86 (PACK) read as zero, then pages 0 and 1 follow.
    assert read(tag, 0x85) == bytes(8) + image[:8]
    assert read(tag, 0x86) == bytes(4) + image[:12]
    assert read(tag, 0x84) == image[0x84 * 4 : 0x85 * 4] + bytes(8) + image[:4]
    assert read(tag, 0x87) == NAK_ARGUMENT


def check_fast_read() -> None:
    tag = active()
    image = tag.image()
    assert tag.command(b"\x3a\x00\x3f") == image[:256]
    assert tag.command(b"\x3a\x82\x86") == image[0x82 * 4 : 0x85 * 4] + bytes(8)
    assert tag.command(b"\x3a\x86\x86") == bytes(4)
    assert tag.command(b"\x3a\x05\x04") == NAK_ARGUMENT
    select(tag)
    assert tag.command(b"\x3a\x00\x87") == NAK_ARGUMENT


def check_nak_drops_to_idle_or_halt() -> None:
    tag = active()
    assert read(tag, 200) == NAK_ARGUMENT
    assert tag.state == IDLE
    assert read(tag, 0) is None
    select(tag)
    assert tag.command(b"\x50\0") is None
    assert tag.state == HALT
    assert not tag.request(False)
    assert tag.request(True) and tag.select()
    assert tag.command(b"\x77\1\2") == NAK_ARGUMENT
    assert tag.state == HALT


def check_request_makes_an_active_tag_fall_back() -> None:
    tag = active()
    assert not tag.request(True)
    assert tag.request(True)
    assert tag.select() and tag.state == ACTIVE
    tag.field(False)
    assert tag.state == OFF and not tag.request(True)


def check_wrong_check_byte_cannot_be_selected() -> None:
    for at in (3, 8):
        image = bytearray(Ntag("NTAG213", UID).image())
        image[at] ^= 1
        tag = from_image(bytes(image))
        tag.field(True)
        assert tag.request(True) and not tag.select()


def check_write_and_its_limits() -> None:
    tag = active()
    assert write(tag, 4, b"\1\2\3\4") == ACK
    assert tag.image()[16:20] == b"\1\2\3\4"
    for page in (0, 1, 0x87):
        assert write(tag, page, b"\0\0\0\0") == NAK_ARGUMENT
        select(tag)
    assert tag.command(b"\xa2\x04\1\2\3") == NAK_ARGUMENT


def check_cc_only_gains_bits() -> None:
    tag = active()
    assert write(tag, 3, b"\x02\x00\x00\x0f") == ACK
    assert tag.image()[12:16] == b"\xe3\x10\x3e\x0f"


def check_static_locks() -> None:
    tag = active()
    # Lock pages 5 and 15; the check byte and the internal byte of page 2 stay.
    assert write(tag, 2, b"\xff\xff\x20\x80") == ACK
    assert tag.image()[8:12] == b"\xb9\x48\x20\x80"
    assert write(tag, 2, b"\0\0\0\0") == ACK
    assert tag.image()[10:12] == b"\x20\x80"
    for page, answer in ((4, ACK), (5, NAK_ARGUMENT), (6, ACK), (14, ACK), (15, NAK_ARGUMENT), (16, ACK)):
        assert write(tag, page, b"new!") == answer
        if answer != ACK:
            select(tag)


def check_block_locks_freeze_the_static_lock_bits() -> None:
    cases = ((0x01, 0x0008), (0x02, 0x03F0), (0x04, 0xFC00))
    for block, frozen in cases:
        tag = active()
        assert write(tag, 2, bytes((0, 0, block, 0))) == ACK
        assert write(tag, 2, b"\0\0\xff\xff") == ACK
        assert tag.mem[10] | tag.mem[11] << 8 == 0xFFFF & ~frozen


def check_dynamic_locks() -> None:
    # (model, dynamic lock page, pages of one bit, last page with a bit, bits)
    for model, dynlock, grain, last, bits in (
        ("NTAG213", 0x28, 2, 39, 12),
        ("NTAG215", 0x82, 16, 129, 8),
        ("NTAG216", 0xE2, 16, 225, 14),
    ):
        tag = active(model)
        assert write(tag, dynlock, b"\x02\0\0\0") == ACK
        for page in (16, 16 + grain - 1, 16 + 2 * grain, last):
            assert write(tag, page, b"free") == ACK
        for page in (16 + grain, 16 + 2 * grain - 1):
            assert write(tag, page, b"lock") == NAK_ARGUMENT
            select(tag)
        # Freeze the first two bits, then set everything: the first cannot follow.
        assert write(tag, dynlock, b"\0\0\x01\0") == ACK
        assert write(tag, dynlock, b"\xff\xff\xff\xff") == ACK
        at = 4 * dynlock
        assert tag.mem[at] | tag.mem[at + 1] << 8 == ((1 << bits) - 1) & ~1
        assert tag.mem[at + 2] == (1 << (bits + 1) // 2) - 1
        assert tag.mem[at + 3] == 0xBD
        assert write(tag, last, b"lock") == NAK_ARGUMENT


def check_configuration_lock() -> None:
    tag = active()
    assert write(tag, 0x84, b"\x40\x05\0\0") == ACK
    for page in (0x83, 0x84):
        assert write(tag, page, b"\0\0\0\0") == NAK_ARGUMENT
        select(tag)
    assert write(tag, 0x85, b"pass") == ACK
    assert write(tag, 0x86, b"ok\0\0") == ACK


def protected(access: int) -> Ntag:
    tag = active()
    assert write(tag, 0x85, b"pass") == ACK
    assert write(tag, 0x86, b"ok\0\0") == ACK
    assert write(tag, 0x84, bytes((access, 5, 0, 0))) == ACK
    assert write(tag, 0x83, b"\x04\0\0\x10") == ACK
    tag.field(False)
    select(tag)
    return tag


def check_password_protects_writes() -> None:
    tag = protected(0)
    assert len(read(tag, 0x10)) == 16
    assert write(tag, 0x0F, b"free") == ACK
    assert write(tag, 0x10, b"lock") == NAK_ARGUMENT
    select(tag)
    assert tag.command(b"\x1bpass") == b"ok"
    assert write(tag, 0x10, b"auth") == ACK
    assert read(tag, 0x85)[:8] == bytes(8)
    tag.field(False)
    select(tag)
    assert write(tag, 0x10, b"lock") == NAK_ARGUMENT


def check_password_protects_reads() -> None:
    tag = protected(0x80)
    image = tag.image()
    assert read(tag, 0x0E) == image[0x38:0x40] + image[0:8]
    assert read(tag, 0x10) == NAK_ARGUMENT
    select(tag)
    assert tag.command(b"\x3a\x0e\x10") == NAK_ARGUMENT
    select(tag)
    assert tag.command(b"\x1bpass") == b"ok"
    assert read(tag, 0x10) == image[0x40:0x50]


def check_authentication_limit_is_for_good() -> None:
    tag = protected(0x02)
    assert tag.command(b"\x1bnope") == NAK_ARGUMENT
    select(tag)
    assert tag.command(b"\x1bpass") == b"ok"
    for _ in range(2):
        assert tag.command(b"\x1bnope") == NAK_ARGUMENT
        select(tag)
    for password in (b"nope", b"pass"):
        assert tag.command(b"\x1b" + password) == NAK_AUTH_LIMIT
        tag.field(False)
        select(tag)


def check_counter_counts_taps() -> None:
    tag = active()
    assert tag.command(b"\x39\x02") == NAK_ARGUMENT
    select(tag)
    assert write(tag, 0x84, b"\x10\x05\0\0") == ACK
    for _ in range(3):
        tag.field(False)
        select(tag)
        read(tag, 0)
        read(tag, 0)
        tag.command(b"\x3a\0\1")
    assert tag.command(b"\x39\x02") == b"\x03\0\0"
    tag.counter = 0xFFFFFF
    tag.field(False)
    select(tag)
    read(tag, 0)
    assert tag.command(b"\x39\x02") == b"\xff\xff\xff"


def check_counter_behind_the_password() -> None:
    tag = protected(0x18)
    assert tag.command(b"\x39\x02") == NAK_ARGUMENT
    select(tag)
    assert tag.command(b"\x1bpass") == b"ok"
    assert tag.command(b"\x39\x02") == b"\0\0\0"


def check_signature() -> None:
    tag = active()
    tag.signature = bytes(range(32))
    assert tag.command(b"\x3c\0") == bytes(range(32))
    assert tag.command(b"\x3c\1") == NAK_ARGUMENT


def check_tear_hook() -> None:
    seen = []

    def tear(page: int, old: bytes, new: bytes, permille: int) -> "bytes | None":
        seen.append((page, old, new, permille))
        return b"\xaa\0\0\0" if page == 5 else None

    tag = active()
    tag.tear = tear
    assert write(tag, 4, b"good") == ACK
    assert write(tag, 5, b"torn") is None
    assert tag.state == OFF
    assert tag.image()[16:24] == b"good\xaa\0\0\0" and len(tag.image()) == 540
    assert seen == [(4, b"\x03\0\xfe\0", b"good", 1000), (5, bytes(4), b"torn", 1000)]


def check_interrupted_write() -> None:
    old = b"\1\2\3\4"
    new = b"\5\6\7\x08"
    outcomes = ((0, old), (249, old), (250, bytes(4)), (500, b"\5\6\0\0"), (750, new))
    for permille, expected in outcomes:
        assert torn(old, new, permille) == expected
        tag = active()
        assert write(tag, 9, old) == ACK
        tag.interrupt(b"\xa2\x09" + new, permille)
        assert tag.image()[36:40] == expected
        assert tag.state == OFF


def check_only_an_active_tag_is_interrupted_in_a_write() -> None:
    tag = active()
    tag.command(b"\x50\0")
    tag.interrupt(b"\xa2\x09done", 900)
    other = active()
    other.interrupt(b"\xa2\x09don", 900)
    for it in (tag, other):
        assert it.image() == Ntag("NTAG215", UID).image()
        assert it.state == OFF


def check_locks_and_cc_are_tearing_proof() -> None:
    for page in (2, 3, 0x82):
        tag = active()
        before = tag.image()
        tag.interrupt(bytes((0xA2, page)) + b"\xff\xff\xff\xff", 600)
        assert tag.image() == before


def all_checks() -> "list[tuple[str, Callable[[], None]]]":
    """The checks by name."""
    return [(name, value) for name, value in sorted(globals().items()) if name.startswith("check_")]


if __name__ == "__main__":
    for name, check in all_checks():
        check()
        print(name)
