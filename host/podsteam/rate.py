# SPDX-License-Identifier: Apache-2.0
"""A faster line for as long as something large crosses it: BAUD.

    with raised(device, 100_000):
        ...

The line starts at 115200 baud, where a boot message can be read, and goes back there afterwards. A rate counts when
the device was heard at it; the first that is not heard is not tried again. A device that hears nothing goes back by
itself, so that whatever goes wrong in between ends at the first rate.
"""

import contextlib
from collections.abc import Generator

from podsteam.client import Device
from podsteam.errors import DeviceLost, DeviceSilent, PodsteamError, Refused
from podsteam.transport.port import Rated
from podsteam.wire import messages as m

RATES = (921_600, 460_800, 230_400)
"""Rates to try, bit/s, the fastest first."""
WORTH_BYTES = 8192
"""What is smaller has crossed the line before its rate is raised."""
_SETTLED_S = 0.02
"""Time for both ends to have changed over, and for a USB adapter to have taken the order."""
_HEARD_S = 0.3
"""Time for a device to be heard at a new rate."""
_MARGIN_S = 0.2
"""More than its silence that a device needs to be back at the first rate."""


def can_raise(device: Device) -> bool:
    """Whether both the device and its port know other rates, and some is left to try."""
    port = device.port
    known = isinstance(port, Rated) and bool(device.hello.caps & m.CapBits.BAUD)
    return known and any(_line(device).baud < rate <= device.most_baud for rate in RATES)


def _line(device: Device) -> Rated:
    port = device.port
    assert isinstance(port, Rated)
    return port


@contextlib.contextmanager
def raised(device: Device, size: int) -> Generator[None]:
    """Inside, `size` bytes go as fast as the device, its port and what is between them can do.

    Changes nothing where that is the rate of before, or not worth it. Raises DeviceLost as any request does; a rate
    at which the device falls silent is not used again.
    """
    if size < WORTH_BYTES or not can_raise(device) or (before := raise_rate(device)) is None:
        yield
        return
    rate = _line(device).baud
    try:
        yield
    except DeviceSilent:
        device.most_baud = rate - 1
        _wait_for_it(device, before)
        raise
    except DeviceLost:
        # Whoever opens the port again opens it at the first rate.
        raise
    except BaseException:
        lower(device, before)
        raise
    else:
        lower(device, before)


def raise_rate(device: Device) -> m.BaudReply | None:
    """Go to the fastest rate that works. Returns what the device said, with the rate to go back to; None: no change."""
    port = _line(device)
    for rate in RATES:
        if not port.baud < rate <= device.most_baud:
            continue
        try:
            reply = device.request(m.BaudRequest(rate), m.BaudReply)
        except Refused as e:
            if e.name != "OUT_OF_RANGE":
                return None
            device.most_baud = rate - 1
            continue
        if _changed(device, rate) and _heard(device):
            return reply
        device.most_baud = rate - 1
        _wait_for_it(device, reply)
    return None


def lower(device: Device, before: m.BaudReply) -> None:
    """Back to the first rate. Does not raise: a device that does not answer is there by itself soon."""
    try:
        device.request(m.BaudRequest(before.first), m.BaudReply)
    except PodsteamError:
        _wait_for_it(device, before)
    else:
        _changed(device, before.first)


def _wait_for_it(device: Device, before: m.BaudReply) -> None:
    """Be at the first rate, and let as much time pass as the device needs to be there too."""
    _changed(device, before.first)
    device.port.clock.sleep(device.in_clock(before.silence_ms / 1000 + _MARGIN_S))


def _changed(device: Device, rate: int) -> bool:
    """Set the port's rate. Whether it can do that."""
    port = _line(device)
    try:
        port.set_baud(rate)
    except PodsteamError:
        return False
    port.clock.sleep(_SETTLED_S)
    return True


def _heard(device: Device) -> bool:
    """Whether the device answers."""
    try:
        device.link.request(m.PingRequest(0), m.PingReply, _HEARD_S)
    except DeviceSilent:
        return False
    return True
