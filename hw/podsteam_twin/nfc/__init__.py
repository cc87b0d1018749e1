# SPDX-License-Identifier: Apache-2.0
"""The simulated podlet reader: a PN532 on I2C and the NTAG21x tags in its field."""
