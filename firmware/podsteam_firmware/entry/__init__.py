# SPDX-License-Identifier: Apache-2.0
"""The board's entry scripts, copied to the root of its file system: `boot.py` first, then `main.py`."""
