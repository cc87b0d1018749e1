# SPDX-License-Identifier: Apache-2.0
"""Serve a simulated board to anyone: its serial line on a PTY or a TCP port, its control port beside it. CPython only.

Virtual time follows the wall clock, `speed` device seconds a second. With a speed over 1 it waits whenever the
lease of a host that is still there gets short, so that a host which thinks in wall-clock seconds keeps its session.
"""

import contextlib
import json
import os
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

from podsteam_twin import control
from podsteam_twin.launch import Twin

_STEP_US = 50_000
"""Longest stretch of virtual time between two looks at the line."""
_LEASE_SHORT_MS = 1000
_HEARD_US = 50_000
"""Virtual time that goes on after each word of a host that is waited for: its request must arrive and be answered."""
_IDLE_S = 0.005
_GONE_S = 5.0
"""A host that has said nothing for so long on the wall's clock is not waited for, and another may take its place: its
side of the connection may be half open, and nobody is told of that."""


class TcpLink:
    """The line as a TCP port on the loopback, for one host at a time."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._server = socket.create_server(("127.0.0.1", port))
        self._selector = selector
        self._client: socket.socket | None = None
        self._heard_s = 0.0
        self._server.setblocking(False)
        selector.register(self._server, selectors.EVENT_READ)
        self.address = f"socket://127.0.0.1:{self._server.getsockname()[1]}"

    @property
    def open(self) -> bool:
        """Whether a host is there."""
        return self._client is not None

    def baud(self) -> int:
        """A connection has no rate."""
        return 0

    def read(self) -> bytes:
        """What the host has sent; accepts a waiting host when none is there, or none that still speaks."""
        if self._client is None or time.monotonic() - self._heard_s > _GONE_S:
            self._accept()
        if self._client is None:
            return b""
        try:
            data = self._client.recv(4096)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._drop()
        self._heard_s = time.monotonic()
        return data

    def _accept(self) -> None:
        try:
            client, _ = self._server.accept()
        except BlockingIOError:
            return
        self._drop()
        self._client = client
        self._heard_s = time.monotonic()
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(client, selectors.EVENT_READ)

    def write(self, data: bytes) -> None:
        """Send to the host; what a slow or absent host does not take is lost, as on a real line."""
        if self._client is not None:
            try:
                self._client.send(data)
            except BlockingIOError:
                return
            except OSError:
                self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._selector.unregister(self._client)
            self._client.close()
            self._client = None

    def close(self) -> None:
        """Close the port."""
        self._drop()
        self._selector.unregister(self._server)
        self._server.close()


class PtyLink:
    """The line as a pseudo-terminal, which pyserial opens like any serial port. POSIX only."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        import tty

        self._rates = _speeds()
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.address = os.ttyname(slave)
        # The slave end is closed here, so that the master tells when a host opens and closes it.
        os.close(slave)
        os.set_blocking(self._master, False)
        self.open = False

    def read(self) -> bytes:
        """What the host has sent; notices when it opens or closes the port."""
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            self.open = True
            return b""
        except OSError:
            # EIO: nobody has the other end open.
            self.open = False
            return b""
        self.open = True
        return data

    def baud(self) -> int:
        """The rate that the host has set its end to, bit/s; 0: one that nobody sets a serial line of ours to."""
        import termios

        try:
            return self._rates.get(termios.tcgetattr(self._master)[5], 0)
        except termios.error:
            return 0

    def write(self, data: bytes) -> None:
        """Send to the host; without one the bytes are lost, as on a real line."""
        if self.open:
            with contextlib.suppress(OSError):
                os.write(self._master, data)

    def close(self) -> None:
        """Close the terminal."""
        os.close(self._master)


def _speeds() -> dict[int, int]:
    """What the terminal's settings hold for a rate, to bit/s. A pseudo-terminal that nobody set has 38400."""
    import termios

    found = {rate: getattr(termios, f"B{rate}", None) for rate in (115200, 230400, 460800, 921600)}
    return {number: rate for rate, number in found.items() if number is not None}


class ControlPort:
    """The control port: JSON lines, several clients."""

    def __init__(self, port: int, selector: selectors.BaseSelector) -> None:
        self._server = socket.create_server(("127.0.0.1", port))
        self._server.setblocking(False)
        self._selector = selector
        self._clients: dict[socket.socket, bytes] = {}
        selector.register(self._server, selectors.EVENT_READ)
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"

    def serve(self, carry_out: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Answer the commands that have arrived."""
        with contextlib.suppress(BlockingIOError):
            client, _ = self._server.accept()
            client.setblocking(False)
            self._clients[client] = b""
            self._selector.register(client, selectors.EVENT_READ)
        for client in list(self._clients):
            self._client(client, carry_out)

    def _client(self, client: socket.socket, carry_out: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        try:
            data = client.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        pending = self._clients[client] + data
        while b"\n" in pending:
            line, _, pending = pending.partition(b"\n")
            try:
                answer = carry_out(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                answer = {"error": f"bad command: {error}"}
            client.setblocking(True)
            with contextlib.suppress(OSError):
                client.sendall(json.dumps(answer).encode() + b"\n")
            client.setblocking(False)
        self._clients[client] = pending
        if not data or len(pending) > 1 << 20:
            self._selector.unregister(client)
            client.close()
            del self._clients[client]

    def close(self) -> None:
        """Close the port."""
        for client in self._clients:
            self._selector.unregister(client)
            client.close()
        self._selector.unregister(self._server)
        self._server.close()


class Server:
    """A served twin: `address` and `control_address` tell where; `run` serves until told to stop."""

    def __init__(
        self, twin: Twin, link: str, control_port: int = 0, speed: float = 1.0, name: str | None = None
    ) -> None:
        """`link` is `pty`, `tcp` or `tcp:PORT`. Raises OSError when a port is taken, ValueError for a bad `link`."""
        self._twin = twin
        self._speed = speed
        self._baud = 0
        """The host's rate, bit/s; 0: it has set none yet."""
        self._selector = selectors.DefaultSelector()
        self._link = _make_link(link, self._selector)
        self._control = ControlPort(control_port, self._selector)
        self.address = self._link.address
        self.control_address = self._control.address
        entry = {
            "name": name,
            "link": self.address,
            "control": self.control_address,
            "pid": os.getpid(),
            "speed": speed,
        }
        self._announced = control.announce(entry)

    def run(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Serve until `stop` says so."""
        wall = time.monotonic()
        owed_us = 0.0
        heard_us = 0
        heard_s = wall
        while not stop():
            now = time.monotonic()
            owed_us = min(owed_us + (now - wall) * 1e6 * self._speed, 20 * _STEP_US)
            wall = now
            data = self._link.read()
            self._follow_rate()
            if data:
                heard_us = self._twin.now_us + _HEARD_US
                heard_s = now
            if now - heard_s < _GONE_S and self._waits_for_host() and self._twin.now_us >= heard_us:
                owed_us = 0.0
            if data or owed_us >= min(1000 * self._speed, _STEP_US):
                owed_us -= self._advance(data, min(int(owed_us), _STEP_US))
            else:
                self._selector.select(_IDLE_S)
            self._control.serve(self._carry_out)

    def _follow_rate(self) -> None:
        """The line runs at the rate that the host has set."""
        baud = self._link.baud()
        if baud and baud != self._baud:
            self._baud = baud
            self._twin.control({"do": "rate", "baud": baud})

    def _waits_for_host(self) -> bool:
        """Whether time has to stand still until the host renews its lease."""
        return self._speed > 1 and self._link.open and 0 < self._twin.lease_ms < _LEASE_SHORT_MS

    def _advance(self, data: bytes, span_us: int) -> int:
        """Run for up to `span_us`, less when the device has something to say; returns how long."""
        before = self._twin.now_us
        out = self._twin.exchange(data, before + span_us)
        if out:
            self._link.write(out)
        return self._twin.now_us - before

    def _carry_out(self, command: dict[str, Any]) -> dict[str, Any]:
        return self._twin.control(command)

    def close(self) -> None:
        """Close both ports and the twin."""
        self._announced.unlink(missing_ok=True)
        self._control.close()
        self._link.close()
        self._twin.close()


def _make_link(link: str, selector: selectors.BaseSelector) -> "TcpLink | PtyLink":
    if link == "pty":
        if os.name != "posix":
            raise ValueError("a PTY needs POSIX: use --link tcp")
        return PtyLink(selector)
    kind, _, port = link.partition(":")
    if kind != "tcp" or not (port.isdecimal() or port == ""):
        raise ValueError(f"unknown link {link!r}: pty, tcp or tcp:PORT")
    return TcpLink(int(port or 0), selector)
