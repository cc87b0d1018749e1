# SPDX-License-Identifier: Apache-2.0
"""`const` on both interpreters.

MicroPython's compiler folds `const(...)` by its name, wherever the name comes from, so this function is never
called there. It is not taken from the module `micropython`: on a desktop that name belongs to the package
that carries the real interpreter, and importing it would load all of that into the process.
"""


def const(x: int) -> int:
    """The value itself."""
    return x
