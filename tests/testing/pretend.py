# SPDX-License-Identifier: Apache-2.0
"""A simulated board that pretends to be a real one: on a pseudo-terminal, its bit SIMULATED not set. POSIX only.

    python pretend.py SPEED [alone]

It is to the plugin what a board is, so that what runs on a board is run before there is one. Prints its port and
serves until its input ends. `alone`: it cannot be found beside its port, so that nothing but a person can act on it.
"""

import select
import sys

from podsteam_protocol import messages as m
from podsteam_twin import launch
from podsteam_twin.board import BoardHal
from podsteam_twin.server import Server

speed = int(sys.argv[1])
BoardHal.caps &= ~m.CAP_SIMULATED
twin = launch.start(interpreter="cpython", seed=1, speed=speed)
server = Server(twin, "pty", speed=speed)
if "alone" in sys.argv:
    server._announced.unlink()
print(server.address, flush=True)
server.run(lambda: bool(select.select([sys.stdin], [], [], 0)[0]))
server.close()
