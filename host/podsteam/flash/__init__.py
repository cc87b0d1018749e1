# SPDX-License-Identifier: Apache-2.0
"""What `podsteam flash` writes into a device."""
