# SPDX-License-Identifier: Apache-2.0
"""The operator's screen of a production line: units plugged in, flashed, provisioned, told apart by PASS and FAIL."""
