# SPDX-License-Identifier: Apache-2.0
"""The documents' table of exit statuses follows from the exceptions."""

import pytest

import exit_statuses
from podsteam import errors


def test_the_page_is_fresh(pytestconfig):
    page = (pytestconfig.rootpath / exit_statuses.PAGE).read_text(encoding="utf-8")
    assert exit_statuses.replaced(page) == page
    for status, meaning in errors.STATUSES:
        assert f"| {status} | {meaning} |" in page


def test_every_exception_is_in_it_and_none_is_left_out():
    table = exit_statuses.table(errors.STATUSES, exit_statuses.kinds())
    assert "`DeviceLost`<br>`DeviceSilent`<br>`DeviceRestarted`" in table
    with pytest.raises(ValueError, match="status 40 is not in"):
        exit_statuses.table(tuple(row for row in errors.STATUSES if row[0] != 40), exit_statuses.kinds())
    with pytest.raises(ValueError, match="status 99 has no exception"):
        exit_statuses.table((*errors.STATUSES, (99, "x")), exit_statuses.kinds())


def test_a_page_without_markers_is_refused():
    with pytest.raises(ValueError, match="lacks"):
        exit_statuses.replaced("no markers")
