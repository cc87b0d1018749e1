# SPDX-License-Identifier: Apache-2.0
"""Work in a copy of this process: a unit that was brought into a state once serves many trials from there."""

import os
import pickle
import struct
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

POSSIBLE = hasattr(os, "fork")
"""Without it (Windows) the work is done here, and the state is used up."""


class Failed(AssertionError):
    """The copy raised; the text is its traceback."""


def forked(work: Callable[[], T]) -> T:
    """What `work` returns, done in a copy of this process that leaves everything here as it is. Raises Failed."""
    source, sink = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # Threads of other tests do not matter to the copy, which uses none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(source)
        _give(sink, work)
    os.close(sink)
    with os.fdopen(source, "rb") as answer:
        data = answer.read()
    os.waitpid(child, 0)
    if len(data) < 4 or struct.unpack("<I", data[:4])[0] != len(data) - 4:
        raise Failed("the copy of the process died")
    well, found = pickle.loads(data[4:])
    if not well:
        raise Failed(found)
    return found


def _give(sink: int, work: Callable[[], Any]) -> None:
    """In the copy: write the result and end at once, without what the process would do at its end."""
    try:
        answer = pickle.dumps((True, work()))
    except BaseException:
        answer = pickle.dumps((False, traceback.format_exc()))
    try:
        data = memoryview(struct.pack("<I", len(answer)) + answer)
        while data:
            data = data[os.write(sink, data) :]
    finally:
        os._exit(0)
