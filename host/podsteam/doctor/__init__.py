# SPDX-License-Identifier: Apache-2.0
"""The usual troubles of the first hour: found one by one, each with what mends it.

`view.py` says what is looked at, `gather.py` looks at this computer, `meet.py` at what is on the port, `computer.py`
and `device.py` judge, `bundle.py` makes a report without anything personal. `CHECKS` are all checks in their order.
"""

from podsteam.doctor import computer, device
from podsteam.doctor.view import Check, Finding, View

CHECKS: tuple[Check, ...] = (*computer.CHECKS, *device.CHECKS)


def examine(view: View) -> list[Finding]:
    """Every check's finding, in order."""
    return [check(view) for check in CHECKS]
