# SPDX-License-Identifier: Apache-2.0
"""Controllers of other people, or written in their style, that the bench lets heat in the place of ours."""
