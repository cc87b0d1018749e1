# SPDX-License-Identifier: Apache-2.0
"""The full-screen live view: `model.py` knows, `feed.py` talks to the devices, `rows.py` words, the rest draws."""
