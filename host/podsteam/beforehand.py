# SPDX-License-Identifier: Apache-2.0
"""What is done before each session that this computer starts: by a command, by a script or in the full screen."""

from typing import TYPE_CHECKING

from podsteam.errors import PodletRecalled
from podsteam.wire import messages as m

if TYPE_CHECKING:
    from podsteam.client import Device


def prepare(device: "Device") -> list[str]:
    """See that the podlet was not recalled, then tell the device the time where it is due (`wallclock.tell`).

    Returns sentences that a person should know. Raises PodletRecalled; the device is as it was then.
    """
    from podsteam import wallclock

    _not_recalled(device)
    told = wallclock.tell(device)
    return [told] if told else []


def consent_wanted(device: "Device") -> str:
    """A sentence when the podlet holds what the device's owner has listed, else nothing."""
    from podsteam.allergens import names_of

    if device.settled_podlet().state != m.PodletValue.ALLERGEN:
        return ""
    names = ", ".join(names_of(device.allergens().listed))
    return (
        f"The podlet holds {names}, which is listed as an allergen: before the start hold the button for 3 s to use it "
        "all the same. Without that there is steam and no dose."
    )


def _not_recalled(device: "Device") -> None:
    """Raises PodletRecalled: no session begins with a podlet that this computer or the device knows to be recalled."""
    from podsteam import recall

    listed = recall.load()
    judged = device.settled_podlet()
    if judged.state == m.PodletValue.RECALLED:
        raise PodletRecalled("The podlet was recalled by a list that the device holds; take it out and ask its maker.")
    if listed and judged.size:
        found = recall.naming(listed, device.podlet_memory(judged.size))
        if found is not None:
            raise recall.refuse(found)
