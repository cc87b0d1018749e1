# SPDX-License-Identifier: Apache-2.0
"""Boards that podsteam knows, as TOML files beside this one; `podsteam.flash.boards` reads and checks them."""
