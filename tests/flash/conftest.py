# SPDX-License-Identifier: Apache-2.0
"""Every answer of a command in this process is held to its JSON Schema."""

import answers

answers.watch()
