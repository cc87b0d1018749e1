# SPDX-License-Identifier: Apache-2.0
"""The steamer's firmware: a sans-IO core that runs unchanged on the ESP32, desktop MicroPython and CPython."""

VERSION = (0, 1, 0)
