# SPDX-License-Identifier: Apache-2.0
"""What a session record turns into: a plot, a page, files that other tools read."""
