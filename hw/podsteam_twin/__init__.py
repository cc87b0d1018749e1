# SPDX-License-Identifier: Apache-2.0
"""The simulated board: boiler, sensors, mains side, valve, flash and serial line of a podsteam device, in virtual time.

It stands in for the hardware below the HAL's verbs and runs on CPython and on MicroPython with the same results bit
for bit: state is integers and IEEE doubles, arithmetic is `+ - * /` alone, randomness is `rng.Rng`. Times are
integers of virtual microseconds that never wrap; nothing here reads a clock.
"""
