# SPDX-License-Identifier: Apache-2.0
"""A process behind a pseudo-terminal, with a line between them that takes its time: so many bits a second each way."""

import os
import select
import subprocess
import threading
import time
import tty
from typing import Any

BITS = 10
"""Of a byte on the line."""


class PacedLine:
    """`path` is the pseudo-terminal; `sent` and `got` count the bytes to the process and from it."""

    def __init__(self, command: list[str], baud: int, **more: Any) -> None:
        self.sent = self.got = 0
        self._byte_s = BITS / baud
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, **more)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._relay, daemon=True)
        self._thread.start()

    def __enter__(self) -> "PacedLine":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        os.close(self._master)
        os.close(self._slave)

    def _relay(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        down, up = self._process.stdin.fileno(), self._process.stdout.fileno()
        # (when it is through, what, where to), and when each direction is free.
        queues: dict[int, list[tuple[float, bytes]]] = {down: [], self._master: []}
        free = {down: 0.0, self._master: 0.0}
        routes = {self._master: down, up: self._master}
        while not self._over.is_set():
            due = min((queue[0][0] for queue in queues.values() if queue), default=time.monotonic() + 0.05)
            ready, _, _ = select.select(list(routes), [], [], max(0.0, due - time.monotonic()))
            for source in ready:
                data = os.read(source, 64)
                if not data:
                    return
                target = routes[source]
                if target == down:
                    self.sent += len(data)
                else:
                    self.got += len(data)
                # What is on the line takes its time whenever it was begun: a late relay does not slow the line.
                free[target] = max(time.monotonic(), free[target]) + len(data) * self._byte_s
                queues[target].append((free[target], data))
            for target, queue in queues.items():
                while queue and queue[0][0] <= time.monotonic():
                    os.write(target, queue.pop(0)[1])
