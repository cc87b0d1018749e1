# SPDX-License-Identifier: Apache-2.0
"""`doctor --chip` asks a chip's loader through the real esptool: its chip, its partition table."""

import pytest
from chips import MockChip, small_image

from podsteam.doctor import device, meet
from podsteam.doctor.view import OK, TROUBLE, View


@pytest.mark.parametrize(
    ("kind", "image", "chip", "table"),
    [
        ("esp32", True, OK, OK),
        ("esp32", False, OK, TROUBLE),
        ("esp32c3", True, TROUBLE, "not checked"),
    ],
)
def test_the_chip_and_its_partition_table(kind: str, image: bool, chip: str, table: str) -> None:
    with MockChip(kind, pty=True) as mock:
        if image:
            data = small_image(0, 0x1000)
            mock.flash.data[0x1000 : 0x1000 + len(data)] = data
        view = View(chip=meet.meet_chip(mock.port, "reference"))
    assert device.chip(view).result == chip
    assert device.partitions(view).result == table
    if kind == "esp32c3":
        assert "ESP32-C3" in device.chip(view).said
