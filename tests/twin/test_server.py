# SPDX-License-Identifier: Apache-2.0
"""A served board whose host is waited for: time stands still, but not before the host's request was answered."""

import socket
import threading
import time

import pytest
from short_lease import ShortLease

from podsteam_twin import control
from podsteam_twin.server import Server


def test_time_goes_on_after_a_word_of_the_host_and_then_waits(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "state_folder", lambda: tmp_path / "twins")
    twin = ShortLease()
    server = Server(twin, "tcp", speed=20)
    over = threading.Event()
    thread = threading.Thread(target=server.run, args=(over.is_set,))
    thread.start()
    try:
        host, port = server.address.removeprefix("socket://").split(":")
        with socket.create_connection((host, int(port))) as line:
            line.sendall(b"\0")
            time.sleep(0.4)
            first = twin.now_us
            time.sleep(0.3)
            assert twin.now_us == first, "time ran on though the lease is short"
            line.sendall(b"\0")
            time.sleep(0.3)
            # A request and its reply at 115200 baud take up to 45 ms.
            assert 45_000 <= twin.now_us - first <= 150_000
    finally:
        over.set()
        thread.join(5)
        server.close()
