# SPDX-License-Identifier: Apache-2.0
"""A port over TCP: `socket://HOST:PORT`, as a served simulated board or a serial server offers it."""

import select
import socket

from podsteam.errors import DeviceLost, NoDevice, UsageProblem
from podsteam.text import safe
from podsteam.transport.port import WallClock

_CONNECT_S = 5.0
_SEND_S = 5.0


def address_of(name: str) -> tuple[str, int]:
    """Host and port number of `socket://HOST:PORT`. Raises UsageProblem when it is not of that form."""
    host, colon, number = name.removeprefix("socket://").rstrip("/").rpartition(":")
    if not colon or not host or not number.isascii() or not number.isdigit() or not 0 < int(number) < 65536:
        raise UsageProblem(f"'{safe(name)}' is no socket address; write socket://HOST:PORT.")
    return host.strip("[]"), int(number)


class SocketPort:
    """An open TCP connection."""

    virtual = False

    def __init__(self, name: str) -> None:
        """Connect. Raises NoDevice when nobody listens, UsageProblem when the address is malformed."""
        self.name = name
        self.clock = WallClock()
        host, number = address_of(name)
        try:
            self._socket: socket.socket | None = socket.create_connection((host, number), _CONNECT_S)
        except OSError as e:
            raise NoDevice(f"Nothing listens at {safe(name)} ({e.strerror or 'no answer'}).") from e
        self._socket.settimeout(_SEND_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _lost(self) -> DeviceLost:
        return DeviceLost(f"The connection to {safe(self.name)} ended.")

    def read(self, timeout_s: float) -> bytes:
        """As `Port.read`."""
        if self._socket is None:
            raise self._lost()
        try:
            ready, _, _ = select.select([self._socket], [], [], max(0.0, timeout_s))
            if not ready:
                return b""
            data = self._socket.recv(65536)
        except OSError as e:
            raise self._lost() from e
        if not data:
            raise self._lost()
        return data

    def write(self, data: bytes) -> None:
        """As `Port.write`."""
        if self._socket is None:
            raise self._lost()
        try:
            self._socket.sendall(data)
        except OSError as e:
            raise self._lost() from e

    def lines(self) -> dict[str, bool]:
        """A socket has none."""
        return {}

    def close(self) -> None:
        """As `Port.close`."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
