# SPDX-License-Identifier: Apache-2.0
"""The host's side of podsteam: the library behind the `podsteam` command.

    import podsteam
    with podsteam.connect("sim", seed=7) as device:
        record = device.session.run("gentle").wait()

`podsteam.api` lists what scripts may rely on; `docs/scripting.md` shows it.
This module stays light: everything else is imported by the call that needs it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from podsteam.client import Device

__all__ = ["__version__", "connect"]

__version__ = "0.1.0"


def connect(port: str = "", **options: Any) -> "Device":
    """Open a port by its name (`find.py` lists the forms) and greet the device on it.

    `options` go to the simulated board when the port is `sim` or `sim:NAME` (for example `seed=7`).
    Raises PodsteamError and its subclasses (`errors.py`).
    """
    from podsteam.client import Device

    return Device.open(port, **options)
