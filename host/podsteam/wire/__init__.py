# SPDX-License-Identifier: Apache-2.0
"""What travels on the line, as typed values."""
