# SPDX-License-Identifier: Apache-2.0
"""The PN532's frames, byte for byte, on a scripted bus: golden traces, and each way in which an exchange can fail."""

from podsteam_firmware.podlet import pn532
from podsteam_firmware.podlet.pn532 import Pn532

ACK = bytes.fromhex("0000ff00ff00")
NACK = bytes.fromhex("0000ffff0000")
ERROR_FRAME = bytes.fromhex("0000ff01ff7f8100")
VERSION_COMMAND = bytes.fromhex("0000ff02fed4022a00")
VERSION_ANSWER = bytes.fromhex("0000ff06fad50332010607e800")
EIO = -5
NO_ACK, TIMEOUT, CHECKSUM, MALFORMED, SYNTAX, BUS = range(3, 9)


class Bus:
    """A reader that answers from a list: bytes are the next frame to be read, an int an error, None not ready yet."""

    def __init__(self, *script: "bytes | int | None") -> None:
        self.script = list(script)
        self.sent: list[bytes] = []
        self.resets: list[bool] = []
        self.transfers = 0
        self.write_result: int | None = None
        self.ready_byte = 1

    def nfc_write(self, buf: bytearray, length: int) -> int:
        self.transfers += 1
        self.sent.append(bytes(buf[:length]))
        return length if self.write_result is None else self.write_result

    def nfc_ready(self) -> bool:
        if self.script and self.script[0] is None:
            self.script.pop(0)
            return False
        return bool(self.script)

    def nfc_read(self, buf: bytearray, length: int) -> int:
        self.transfers += 1
        if not self.ready_byte:
            buf[0] = 0
            return length
        item = self.script.pop(0)
        if isinstance(item, int):
            return item
        assert item is not None
        data = (b"\x01" + item + bytes(length))[:length]
        buf[: len(data)] = data
        return length

    def nfc_reset(self, active: bool) -> None:
        self.resets.append(active)


def poll_to_end(chip: Pn532, bus: Bus, step_ms: int = 5, limit_ms: int = 1000) -> tuple[int, int]:
    """Poll until there is a result; returns it and the time it took. Each poll makes one transfer at most."""
    for now_ms in range(0, limit_ms, step_ms):
        before = bus.transfers
        result = chip.poll(now_ms)
        assert bus.transfers - before <= 1
        if result != pn532.PENDING:
            return result, now_ms
    raise AssertionError("no result")


def version(*script: "bytes | int | None") -> tuple[Pn532, Bus]:
    bus = Bus(*script)
    chip = Pn532(bus)  # type: ignore[arg-type]
    chip.command(0x02, b"", 0, 4, 100)
    return chip, bus


def test_firmware_version_trace() -> None:
    chip, bus = version(ACK, VERSION_ANSWER)
    assert poll_to_end(chip, bus)[0] == pn532.OK
    assert bus.sent == [VERSION_COMMAND]
    assert bytes(chip.buf[chip.at : chip.at + chip.length]) == bytes.fromhex("32010607")
    assert chip.poll(0) == pn532.REST


def test_known_command_traces() -> None:
    for code, payload, expected in (
        (0x14, "010000", "0000ff05fbd41401000017 00"),
        (0x4A, "0100", "0000ff04fcd44a0100e100"),
        (0x32, "05ff0101", "0000ff06fad43205ff0101f400"),
    ):
        bus = Bus(ACK)
        chip = Pn532(bus)  # type: ignore[arg-type]
        data = bytes.fromhex(payload)
        chip.command(code, data, len(data), 0, 100)
        chip.poll(0)
        assert bus.sent == [bytes.fromhex(expected)]


def test_each_phase_waits_for_the_interrupt_line() -> None:
    chip, bus = version(None, None, ACK, None, None, None, VERSION_ANSWER)
    assert poll_to_end(chip, bus)[0] == pn532.OK
    assert bus.transfers == 3


def test_no_ack_aborts_and_says_so() -> None:
    chip, bus = version()
    result, took_ms = poll_to_end(chip, bus)
    assert result == NO_ACK
    assert took_ms <= 60
    assert bus.sent == [VERSION_COMMAND, ACK]


def test_no_answer_aborts_and_says_so() -> None:
    chip, bus = version(ACK)
    result, took_ms = poll_to_end(chip, bus)
    assert result == TIMEOUT
    assert 100 < took_ms <= 130
    assert bus.sent == [VERSION_COMMAND, ACK]


def test_a_late_ack_is_no_answer() -> None:
    chip, bus = version(ACK, ACK, VERSION_ANSWER)
    assert poll_to_end(chip, bus)[0] == pn532.OK


def test_a_stale_answer_before_the_ack_is_dropped() -> None:
    chip, bus = version(bytes.fromhex("0000ff02fed5151600"), ACK, VERSION_ANSWER)
    assert poll_to_end(chip, bus)[0] == pn532.OK
    assert chip.length == 4


def test_a_stale_answer_after_the_ack_is_dropped() -> None:
    chip, bus = version(ACK, bytes.fromhex("0000ff02fed5151600"), VERSION_ANSWER)
    assert poll_to_end(chip, bus)[0] == pn532.OK
    assert chip.length == 4


def test_a_damaged_answer_is_asked_for_once_more() -> None:
    damaged = VERSION_ANSWER[:-2] + b"\xe9\x00"
    chip, bus = version(ACK, damaged, VERSION_ANSWER)
    assert poll_to_end(chip, bus)[0] == pn532.OK
    assert bus.sent == [VERSION_COMMAND, NACK]


def test_two_damaged_answers_are_a_checksum_error() -> None:
    wrong_dcs = VERSION_ANSWER[:-2] + b"\xe9\x00"
    wrong_lcs = VERSION_ANSWER[:4] + b"\xfb" + VERSION_ANSWER[5:]
    for damaged in (wrong_dcs, wrong_lcs):
        chip, bus = version(ACK, damaged, damaged)
        assert poll_to_end(chip, bus)[0] == CHECKSUM


def test_half_extended_long_and_foreign_frames_are_malformed() -> None:
    for frame in (
        "0000ff06fad50332",  # half: zeros follow, and their sum happens not to fit
        "0000ffffff0006fad50332010607e800",  # extended
        "0000ffff0000",  # NACK
        "0000ff40c0d5030000",  # longer than what was read
        "0000ff06fad40332010607e900",  # TFI of the host
        "0000ffa060d5030000",  # longer than any buffer
        "0000ff0000",  # no length
        "aabbccddeeff",
        "",
    ):
        data = bytes.fromhex(frame)
        chip, bus = version(ACK, data, data)
        assert poll_to_end(chip, bus)[0] in (MALFORMED, CHECKSUM), frame
        assert bus.sent == [VERSION_COMMAND, NACK]


def test_error_frame() -> None:
    chip, bus = version(ACK, ERROR_FRAME)
    assert poll_to_end(chip, bus)[0] == SYNTAX


def test_bus_errors() -> None:
    for script in ((EIO,), (ACK, EIO)):
        chip, bus = version(*script)
        assert poll_to_end(chip, bus)[0] == BUS
        assert bus.sent[-1] == ACK
    for taken in (EIO, -110, 3):
        chip, bus = version()
        bus.write_result = taken
        assert poll_to_end(chip, bus)[0] == BUS


def test_a_ready_line_that_lies_still_times_out() -> None:
    chip, bus = version(*[ACK] * 1000)
    bus.ready_byte = 0
    result, took_ms = poll_to_end(chip, bus)
    assert result == NO_ACK
    assert took_ms <= 60


def test_acks_without_end_time_out() -> None:
    chip, bus = version(*[ACK] * 1000)
    assert poll_to_end(chip, bus)[0] == TIMEOUT


def test_the_chip_is_free_again_after_a_timeout() -> None:
    chip, bus = version(ACK)
    assert poll_to_end(chip, bus)[0] == TIMEOUT
    assert not chip.eager()
    chip.command(0x02, b"", 0, 4, 100)
    bus.script = [ACK, VERSION_ANSWER]
    assert poll_to_end(chip, bus)[0] == pn532.OK


def test_restart_pulses_the_reset_line() -> None:
    bus = Bus()
    chip = Pn532(bus)  # type: ignore[arg-type]
    chip.restart(0)
    result, took_ms = poll_to_end(chip, bus)
    assert result == pn532.OK
    assert bus.resets == [True, False]
    assert 30 <= took_ms <= 50
    chip.hold()
    assert bus.resets == [True, False, True]
    assert chip.poll(0) == pn532.REST


def test_time_may_wrap() -> None:
    bus = Bus(ACK)
    chip = Pn532(bus)  # type: ignore[arg-type]
    chip.command(0x02, b"", 0, 4, 100)
    chip.poll(0x3FFFFFF0)
    chip.poll(0x3FFFFFFF)
    assert chip.poll(0x00000010) == pn532.PENDING
    assert not chip.eager()
    chip.poll(0x00000070)
    assert chip.eager()
    assert chip.poll(0x00000071) == TIMEOUT


def test_the_longest_answer_fits() -> None:
    data = bytes(range(65))
    body = b"\xd5\x43" + data
    frame = b"\0\0\xff" + bytes((len(body), -len(body) & 0xFF)) + body + bytes((-sum(body) & 0xFF, 0))
    bus = Bus(ACK, frame)
    chip = Pn532(bus)  # type: ignore[arg-type]
    chip.command(0x42, b"\x3a\x04\x13", 3, 65, 100)
    assert poll_to_end(chip, bus)[0] == pn532.OK
    assert bytes(chip.buf[chip.at : chip.at + chip.length]) == data
