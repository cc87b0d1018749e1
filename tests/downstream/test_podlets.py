# SPDX-License-Identifier: Apache-2.0
"""A swapped podlet: the device judges the new one, not the one before."""

from podsteam.wire.messages import PodletGetRequest, PodletValue


def test_a_podlet_is_judged_anew_when_it_is_swapped(board):
    assert board.request(PodletGetRequest()).state == PodletValue.GUEST
    board.swap("empty")
    assert board.request(PodletGetRequest()).state == PodletValue.EXHAUSTED
