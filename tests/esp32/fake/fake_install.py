# SPDX-License-Identifier: Apache-2.0
"""Put a fake chip in place of the ESP32's own modules."""

import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_chip import Chip
from fake_modules import modules

import podsteam_firmware

ENTRY = Path(podsteam_firmware.__file__).parent / "entry"
HAL = "podsteam_firmware.hal.esp32"
LOADER = "podsteam_loader.esp32"


def forget() -> None:
    """Whoever bound the ESP32's modules when it was imported is imported anew the next time."""
    for name in [name for name in sys.modules if name.startswith(HAL) or name in (LOADER, "boot", "main")]:
        del sys.modules[name]


def print_exception(error: BaseException, out: io.StringIO) -> None:
    """As MicroPython's `sys.print_exception`."""
    out.write("".join(traceback.format_exception(error)))


@contextmanager
def installed(chip: Chip) -> Iterator[None]:
    """`machine`, `esp32`, `time` and `micropython` are `chip`'s for a while."""
    with pytest.MonkeyPatch.context() as patch:
        forget()
        for name, module in modules(chip).items():
            patch.setitem(sys.modules, name, module)
        patch.setattr(sys, "print_exception", print_exception, raising=False)
        patch.syspath_prepend(str(ENTRY))
        try:
            yield
        finally:
            forget()
