# SPDX-License-Identifier: Apache-2.0
"""The fixture's verbs on the simulated board, on both interpreters."""

import pytest

from podsteam.errors import DeviceRestarted, UsageProblem
from podsteam.wire import messages as m
from podsteam_twin import launch

PROGRAM = m.Program(name=b"mine".ljust(16, b"\0"), warm_up_max_s=300, steam1_mg_min=3000, steam1_s=60, end_cdeg=6000)


def test_a_session_as_a_host_starts_it(board):
    started = board.start("gentle")
    assert started.event == m.EventValue.STARTED and board.saw(m.EventValue.BUTTON, 0)
    board.advance(20)
    assert board.status().state == m.StateValue.WARM_UP and board.state["relay_closed"]
    board.advance(3, hosted=False)
    assert board.wait_for(m.EventValue.STOPPED, m.StopValue.LEASE_LOST, within_s=1)
    assert {act.kind for act in board.trace()} >= {"burst", "heartbeat", "link", "light"}
    board.start("gentle")


def test_telemetry_comes_when_it_is_subscribed_to(board):
    board.device.subscribe(500)
    board.advance(15)
    assert 28 <= len(board.telemetry) <= 31


def test_wait_for_goes_on_behind_what_it_found(board):
    board.press()
    board.press()
    first = board.wait_for(m.EventValue.BUTTON, 1)
    second = board.wait_for(m.EventValue.BUTTON, 1)
    assert second.number > first.number
    with pytest.raises(AssertionError, match="no BUTTON within 2 s"):
        board.wait_for(m.EventValue.BUTTON, 1, within_s=2)


@pytest.mark.parametrize("cause", ["power", "line", "hard", "watchdog", "soft"])
def test_a_reset_tells_its_cause(board, cause):
    value = m.ResetValue.POWER_ON if cause in ("power", "line") else m.ResetValue[cause.upper()]
    board.reset(cause)
    assert board.device.hello.reset_cause == value
    assert board.saw(m.EventValue.BOOT, value)


def test_a_reset_that_nobody_announced_is_an_error(board):
    board._hands.control({"do": "reset", "cause": "watchdog"})
    with pytest.raises(DeviceRestarted):
        board.status()
    board.greet()


def test_an_unknown_part_or_cut_is_one_clear_sentence(board):
    with pytest.raises(UsageProblem, match="unknown fault 'flux'"):
        board.break_("flux")
    with pytest.raises(UsageProblem, match="a cut is of flash or ring or tag"):
        board.cut_power(at=0, of="ram")
    board.remove()
    with pytest.raises(UsageProblem, match="no tag in the holder"):
        board.cut_power(at=0, of="tag")


@pytest.mark.parametrize("tear", ["none", "all", "random"])
def test_a_cut_at_a_flash_operation_leaves_the_old_or_the_new(board, tear):
    before = board.device.programs()
    kept = []
    for at in range(100):
        board.cut_power(at=at, tear=tear)
        try:
            board.device.put_program(PROGRAM)
        except DeviceRestarted:
            board.advance(0.5)
            assert board.device.hello.reset_cause == m.ResetValue.POWER_ON
            kept.append(len(board.device.programs()) - len(before))
        else:
            break  # It takes no more operations than that.
    assert len(kept) >= 3 and kept == sorted(kept) and kept[0] == 0
    assert len(board.device.programs()) == len(before) + 1


def test_a_cut_at_a_tag_operation_tears_it(board):
    before = board.device.podlet_memory(540)
    assert len(before) > 500
    board.cut_power(at=0, of="tag", tear="random")
    board.start()
    board.advance(180)
    assert board.state["cut_armed"] is False and board.saw(m.EventValue.BOOT, m.ResetValue.POWER_ON)
    board.advance(2)
    after = board.device.podlet_memory(540)
    changed = [i // 4 for i in range(len(before)) if before[i] != after[i]]
    assert len(set(changed)) == 1


@pytest.mark.sim_options(seed=5)
def test_a_process_is_used_again_and_nothing_is_left_in_it(board, micropython):
    """The same board, started anew and in the place of others, does the same things at the same times."""
    digests = []
    for interpreter, spare in (
        ("cpython", False),
        ("micropython", False),
        ("micropython", True),
        ("micropython", True),
    ):
        twin = launch.start(interpreter=interpreter, seed=3, unix_s=0, spare=spare)
        twin.control({"do": "press"})
        twin.exchange(b"", 20_000_000, stop=False)
        digests.append(twin.control({"do": "digest"})["digest"])
        twin.close()
        twin.close()
    assert len(set(digests)) == 1
    assert board.status().state == m.StateValue.IDLE
