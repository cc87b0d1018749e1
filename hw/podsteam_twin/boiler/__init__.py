# SPDX-License-Identifier: Apache-2.0
"""The boiler of the simulated board: its constants with their provenance, and the lumped thermal plant."""
