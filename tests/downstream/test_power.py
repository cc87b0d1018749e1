# SPDX-License-Identifier: Apache-2.0
"""Power cuts: nothing heats by itself afterwards, and a dose that was begun counts as given."""

from podsteam.wire.messages import PodletGetRequest, StateValue


def test_nothing_heats_after_a_power_cut(board):
    board.start()
    board.cut_power()
    board.advance(5)
    assert board.status().state == StateValue.IDLE and not board.state["relay_closed"]


def test_a_dose_is_counted_before_it_is_given(board):
    board.cut_power(at=2, of="tag", tear="random")
    board.start()
    board.advance(200)
    assert board.request(PodletGetRequest()).doses_used == 1 and board.state["delivered_nl"] == 0
