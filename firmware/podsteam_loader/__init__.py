# SPDX-License-Identifier: Apache-2.0
"""The loader: chooses the application's slot at every start and holds safe mode itself. Never updated over the link.

It imports `podsteam_protocol` only, from a copy of its own, so that no slot can break it. `docs/boot.md` has the rules.
"""

VERSION = (0, 1, 0)
