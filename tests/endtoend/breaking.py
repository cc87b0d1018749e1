# SPDX-License-Identifier: Apache-2.0
"""A line to a served board that breaks in the middle."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def breaking(address: str, after: int) -> Iterator[tuple[str, list[int]]]:
    """A socket between host and board that breaks once, after so many bytes from the board. Gives its address and the
    bytes that each connection carried."""
    host, _, port = address.removeprefix("socket://").rpartition(":")
    carried: list[int] = []

    ends: list[socket.socket] = []
    copying: list[threading.Thread] = []

    def copy(source: socket.socket, sink: socket.socket, most: int, count: bool) -> None:
        with suppress(OSError):
            while data := source.recv(512):
                sink.sendall(data)
                if count:
                    carried[-1] += len(data)
                    if most and carried[-1] > most:
                        break
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection((host, int(port)))
            ends.extend((near, far))
            carried.append(0)
            most = after if len(carried) == 1 else 0
            for pair in ((near, far, 0, False), (far, near, most, True)):
                copying.append(threading.Thread(target=copy, args=pair, daemon=True))
                copying[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}", carried
    for thread in copying:
        thread.join(5)
    for end in ends:
        end.close()
