# SPDX-License-Identifier: Apache-2.0
"""What is done with a tag beside its podlet, on the simulated chip and tags: look, password, floor. Runs on both
interpreters; prints what was played.
"""

from binascii import unhexlify

from podlet_bench import Bench

from podsteam_firmware.podlet import errand
from podsteam_protocol import messages as m
from podsteam_protocol import podlet as p
from podsteam_protocol import podlet_codec as codec
from podsteam_twin import podlets
from podsteam_twin.nfc.ntag import Ntag

UID = unhexlify("04ab87f2ca1190")
SIGNATURE = unhexlify("67b1750bcceb1174f9a33bf20e0226551a6366939b31f949848c3c087350fa90")
FIELDS = {p.MAIN_NAME: "Mist", p.MAIN_DOSE_NL: 50_000, p.MAIN_DOSE_COUNT: 20}
MODELS = ("NTAG213", "NTAG215", "NTAG216")
COUNTS, COUNTER_BEHIND, PROT = 0x10, 0x08, 0x80


def tag_of(model="NTAG215", uid=UID, access=0, auth0=0xFF):
    """A tag of NXP's with a podlet."""
    tag = podlets.build(FIELDS, tag=model, uid=uid)
    tag.signature = SIGNATURE
    configure(tag, access, auth0)
    return tag


def configure(tag: Ntag, access: int, auth0: int) -> None:
    at = 4 * (tag.pages - 5)
    tag.mem[at + 7] = auth0
    tag.mem[at + 8] = access
    tag.mem[at + 12 : at + 18] = b"SESAPA"


def read(tag: Ntag) -> Bench:
    bench = Bench(tag)
    bench.run(1000)
    return bench


def done(bench: Bench, what: int, password: bytes = b"", ms: int = 3000) -> errand.Errand:
    """Begin an errand and let it come to its end; the field is off then."""
    task = bench.reader.errand = errand.Errand(bench.reader, what, password)
    for _ in range(ms // 100):
        bench.run(100)
        while task.step():
            pass
    assert task.state != m.WRITE_BUSY
    bench.run_until(lambda _: not bench.chip.rf_on, 500)
    assert bench.reader.usable() and bench.reader.fault == 0 and bench.longest_us <= 2_000
    return task


def looks() -> int:
    """Models, and what they can tell."""
    played = 0
    for model in MODELS:
        task = done(read(tag_of(model)), errand.LOOK)
        assert (task.state, task.code, task.original) == (m.WRITE_DONE, 0, 1)
        assert (task.counter, task.auth0, bytes(task.locks[:2])) == (errand.NO_COUNTER, 0xFF, b"\0\0")
        played += 1
    tag = tag_of(access=COUNTS)
    task = done(read(tag), errand.LOOK)
    assert task.counter == tag.counter > 0 and task.access == COUNTS
    task = done(read(tag_of(access=COUNTS | COUNTER_BEHIND, auth0=0x83)), errand.LOOK)
    assert (task.counter, task.auth0, task.original) == (errand.NO_COUNTER, 0x83, 1)
    for copy in (tag_of(uid=b"\x04" + UID[1:6] + b"\x91"), tag_of()):
        copy.signature = SIGNATURE if copy.uid != UID else SIGNATURE[:31] + b"\x91"
        task = done(read(copy), errand.LOOK)
        assert (task.state, task.code, task.original) == (m.WRITE_DONE, m.CODE_TAG_COPY, 2)
        played += 1
    return played + 2


def passwords() -> int:
    """Every limit and every way to hide it: a wrong password is never counted."""
    played = 0
    for limit in range(8):
        for access, auth0 in ((0, 0xFF), (0, 4), (COUNTS, 0x83)):
            tag = tag_of(access=access | limit, auth0=auth0)
            bench = read(tag)
            for password in (b"nope", b"SESA", b"none"):
                task = done(bench, errand.PASSWORD, password, 1000)
                if limit:
                    assert (task.state, task.code, task.pack) == (m.WRITE_FAILED, m.CODE_TAG_LIMIT, 0)
                elif password == b"SESA":
                    assert (task.state, task.code, task.pack) == (m.WRITE_DONE, 0, 0x5041)
                else:
                    assert (task.state, task.code, task.pack) == (m.WRITE_FAILED, m.CODE_TAG_PASSWORD, 0)
                assert tag.failures == 0
                played += 1
    # The limit itself lies behind the password, all of the configuration or its end; what a reading is filled up with
    # then, the first pages, must not pass for it: this UID begins with a byte that looks like no limit.
    for limit in (0, 3):
        for auth0 in (0x82, 0x83, 0x84):
            tag = tag_of(access=PROT | limit, auth0=auth0, uid=b"\x08" + UID[1:])
            task = done(read(tag), errand.PASSWORD, b"nope", 2000)
            assert (task.state, task.code, tag.failures) == (m.WRITE_FAILED, m.CODE_TAG_LIMIT, 0)
            task = done(read(tag), errand.LOOK)
            assert (task.state, task.original, task.access) == (m.WRITE_DONE, 2, 0)
            played += 1
    return played


def written(bench: Bench, dose_no: int) -> int:
    """Try to write the slot of that dose; how it went."""
    assert bench.reader.note_dose(dose_no, 50_000, 1, 20_500)
    bench.run(1500)
    return bench.reader.write_state


def away(bench: Bench, tag: Ntag) -> None:
    """The tag is taken out, and put back a second later."""
    bench.place(None)
    bench.run(1000)
    bench.place(tag)
    bench.run(1000)


def behind_passwords() -> int:
    """Slots and a host's pages on a tag behind a password: only after the right one, and until the tag goes."""
    played = 0
    for model in MODELS:
        for before_slots in (99, 1, 0):
            tag = tag_of(model)
            bench = read(tag)
            reader = bench.reader
            configure(tag, 0, max(4, reader.record.aux_at // 4 - before_slots))
            whole = tag.image()
            assert written(bench, 1) == m.WRITE_FAILED and tag.image() == whole
            assert reader.doses_used == 0 and reader.usable() and reader.opener is None
            assert done(bench, errand.PASSWORD, b"nope").code == m.CODE_TAG_PASSWORD and reader.opener is None
            assert written(bench, 1) == m.WRITE_FAILED and tag.image() == whole
            assert done(bench, errand.PASSWORD, b"SESA").state == m.WRITE_DONE
            for dose in (1, 2, 3):
                assert written(bench, dose) == m.WRITE_DONE and reader.doses_used == dose
            # A wrong one later takes nothing back.
            assert done(bench, errand.PASSWORD, b"nope").code == m.CODE_TAG_PASSWORD
            assert written(bench, 4) == m.WRITE_DONE
            last = tag.mem[14] * 2 + 3
            assert reader.write_pages(last, memoryview(b"ends"))
            bench.run(2500)
            assert tag.mem[4 * last : 4 * last + 4] == b"ends" and reader.usable() and reader.doses_used == 4
            away(bench, tag)
            assert reader.opener is None and reader.doses_used == 4
            assert written(bench, 5) == m.WRITE_FAILED and reader.doses_used == 4
            assert tag.failures == 0 and bench.longest_us <= 2_000
            played += 1
    for limit in range(1, 8):
        tag = tag_of(access=limit, auth0=4)
        bench = read(tag)
        whole = tag.image()
        assert done(bench, errand.PASSWORD, b"SESA").code == m.CODE_TAG_LIMIT
        assert written(bench, 1) == m.WRITE_FAILED and tag.image() == whole and tag.failures == 0
        # The same UID comes between two visits, on a tag that counts: the password of the other is not tried.
        bench = read(tag_of(auth0=4))
        done(bench, errand.PASSWORD, b"SESA")
        tag.mem[4 * (tag.pages - 5) + 12] ^= 1
        bench.place(tag)
        assert written(bench, 1) == m.WRITE_FAILED and tag.failures == 0
        played += 2
    return played


def torn_behind_a_password() -> int:
    """The tag is taken away at any time of such a write: the slot before it or the new one counts."""
    played = 0
    for ms in range(0, 420, 3):
        tag = tag_of(auth0=4)
        bench = read(tag)
        done(bench, errand.PASSWORD, b"SESA")
        assert written(bench, 1) == m.WRITE_DONE and written(bench, 2) == m.WRITE_DONE
        assert bench.reader.note_dose(3, 50_000, 1, 20_500)
        bench.run(ms)
        away(bench, tag)
        assert bench.reader.usable() and bench.reader.doses_used in (2, 3)
        played += 1
    return played


def floor_tag(used: int, page: int = 4, model: str = "NTAG215") -> Ntag:
    """A podlet with a floor, so many of its 20 doses used."""
    slots = codec.slot(used, used, used * 50_000, 20_000, 1) + bytes(16) if used else bytes(32)
    tag = Ntag(model, UID)
    podlets.write_ndef(tag, codec.ndef(codec.cbor(FIELDS), codec.first_record("Mist"), slots, floor=page))
    return tag


def locked(tag: Ntag) -> int:
    """The static lock bits, bit n for page n."""
    return tag.mem[10] | tag.mem[11] << 8


def floors() -> int:
    """Each count of doses at each place of the floor: what is due is locked and nothing else, and stays a witness."""
    played = 0
    for page in (4, 7, 12):
        for used in range(21):
            tag = floor_tag(used, page)
            bench = read(tag)
            bench.run(1500)
            quarters = used * 4 // 20
            assert locked(tag) == (1 << quarters) - 1 << page, (page, used)
            assert bench.reader.errand is None or bench.reader.errand.state == m.WRITE_DONE
            assert bench.reader.doses_used == used and bench.longest_us <= 2_000
            # Somebody empties the slots: another device still knows the quarters.
            at = bench.reader.record.aux_at
            tag.mem[at : at + 32] = bytes(32)
            assert read(tag).reader.doses_used == quarters * 5
            played += 1
    # A quarter is reached by a dose that is given here; a session in between is left alone.
    tag = floor_tag(4)
    bench = read(tag)
    reader = bench.reader
    reader.in_use = True
    assert reader.note_dose(5, 50_000, 1, 20_500)
    bench.run(1500)
    assert reader.doses_used == 5 and not locked(tag)
    reader.in_use = False
    reader.read_again()
    bench.run(2500)
    assert locked(tag) == 0x10
    return played + 1


def torn_floors() -> int:
    """The tag is taken away at any time of the locking: it is locked or not, and is locked the next time."""
    played = 0
    for ms in range(0, 300, 3):
        tag = floor_tag(10)
        bench = Bench(tag)
        bench.run(300 + ms)
        bench.place(None)
        bench.run(1000)
        assert locked(tag) in (0, 0x30)
        bench.place(tag)
        bench.run(2500)
        assert locked(tag) == 0x30 and bench.reader.doses_used == 10
        played += 1
    # Bits that a block lock has frozen cannot be set: tried three times, and then left.
    tag = floor_tag(20)
    tag.mem[10] = 0x02
    bench = read(tag)
    bench.run(4000)
    assert bench.reader.errand is not None and bench.reader.errand.state == m.WRITE_FAILED
    assert bench.reader.state == m.PODLET_EXHAUSTED and locked(tag) == 0x02
    return played + 1


def main() -> "list[str]":
    """All of it."""
    return [
        "looks %d" % looks(),
        "passwords %d" % passwords(),
        "behind passwords %d" % behind_passwords(),
        "torn behind a password %d" % torn_behind_a_password(),
        "floors %d" % floors(),
        "torn floors %d" % torn_floors(),
    ]


if __name__ == "__main__":
    for line in main():
        print(line)
