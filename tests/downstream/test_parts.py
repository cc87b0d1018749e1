# SPDX-License-Identifier: Apache-2.0
"""A broken part: the session ends, and the fault says which."""

from podsteam.wire.messages import EventValue, StateValue


def test_an_open_wall_sensor_ends_the_session(board):
    board.start()
    board.break_("wall_open")
    assert board.wait_for(EventValue.FAULT, within_s=1).a == 101
    assert board.status().state == StateValue.FAULT
