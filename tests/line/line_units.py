# SPDX-License-Identifier: Apache-2.0
"""Units for a production line, and the operator who plugs them in, presses keys and pulls them out.

Two kinds: a simulated board in lock-step (`sim:NAME`, no chip to flash), and a board behind a socket whose chip is
flashed by the real esptool against esp32-mock-bootloader; what greets afterwards is a simulated board as well.
"""

import contextlib
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chips import CutConnection, MockChip, Wire
from esp32_mock_bootloader import server

from podsteam.errors import DeviceLost
from podsteam.line.floor import Floor, Row, State
from podsteam.line.unit import Work
from podsteam.transport import find, sim
from podsteam.transport.port import Port

SLIP = b"\xc0"
"""How everything begins that esptool sends, and nothing that we do."""
SPEED = 20


@dataclass
class Unit:
    """One unit as the operator has it in the hand."""

    name: str
    pulled_at: list[str] = field(default_factory=list)
    """Steps at which it is pulled out, once each."""
    faults: list[dict[str, Any]] = field(default_factory=list)
    """What is wrong with it until it is mended."""
    tries: int = 1
    """Attempts after which the operator puts it away."""
    results: list[str] = field(default_factory=list)
    keystrokes: int = 0
    mended: bool = False

    @property
    def port(self) -> str:
        """What the place's file says."""
        return f"sim:{self.name}"

    def plug(self) -> None:
        """It gets power."""

    def pull(self) -> None:
        """Its cable is out."""

    def mend(self) -> None:
        """Whatever was wrong with it."""
        self.faults, self.mended = [], True

    def close(self) -> None:
        """Away with it."""


class PatientConnection(CutConnection):
    """The mock gives a line up that takes nothing for 50 ms: too soon with eight of them on a busy machine."""

    def set_timeout(self, timeout: float) -> None:
        super().set_timeout(max(timeout, 5.0))


class Sockets(threading.Thread):
    """A chip and its board behind one socket."""

    def __init__(self, name: str, number: int, speed: int = SPEED) -> None:
        super().__init__(daemon=True)
        self.chip = MockChip.__new__(MockChip)
        self.chip.chip, self.chip.cut_at, self.chip.received = "esp32", -1, 0
        self.flash = server.FlashImage()
        self._name = name
        self._uid = f"02{number:010x}"
        self._speed = speed
        self._twin: Any = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self.alive = threading.Event()
        """It is plugged in."""
        self.over = threading.Event()
        self._unplugged = threading.Event()
        self.faults: list[dict[str, Any]] = []
        self.breaks = threading.Event()
        """The line to the board breaks once, before it answers again."""
        self.start()

    def run(self) -> None:
        """Take who connects."""
        while not self.over.is_set():
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            with self._listener.accept()[0] as line, contextlib.suppress(OSError):
                if self.alive.is_set():
                    self._talk(line)
        self._listener.close()
        if self._twin is not None:
            self._twin.close()

    def unplug(self) -> None:
        """The line goes dead at once."""
        self.alive.clear()

    def _talk(self, line: socket.socket) -> None:
        while self.alive.is_set() and not self.over.is_set():
            if select.select([line], [], [], 0.02)[0]:
                if line.recv(1, socket.MSG_PEEK) == SLIP:
                    self._loader(line)
                else:
                    self._board(line)
                return

    def _loader(self, line: socket.socket) -> None:
        connection = PatientConnection(sock=line)
        connection.wire = Wire(self.chip)
        stop = threading.Event()
        watch = threading.Thread(target=self._stop_when_dead, args=(line, stop), daemon=True)
        watch.start()
        server.handle_client(connection, stop, "esp32", flash=self.flash)
        stop.set()
        watch.join()
        # Flashed anew: the board that was before is gone, with all that it had stored.
        if self._twin is not None:
            self._twin.close()
            self._twin = None

    def _stop_when_dead(self, line: socket.socket, stop: threading.Event) -> None:
        while not stop.wait(0.02):
            if not self.alive.is_set():
                stop.set()
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    def _board(self, line: socket.socket) -> None:
        twin = self._twin
        if twin is None:
            twin = self._twin = sim.start(None, uid=self._uid, speed=self._speed)
            twin.exchange(b"", 3_000_000)
            for fault in self.faults:
                twin.control(fault)
        line.setblocking(True)
        while self.alive.is_set() and not self.over.is_set():
            data = line.recv(4096) if select.select([line], [], [], 0.005)[0] else None
            if data == b"":
                return
            if out := twin.exchange(data or b"", twin.now_us + 5000 * self._speed):
                if self.breaks.is_set():
                    self.breaks.clear()
                    return
                line.sendall(out)


class Flashed(Unit):
    """A unit whose chip is flashed."""

    def __init__(self, name: str, number: int, **more: Any) -> None:
        super().__init__(name, **more)
        self.board = Sockets(name, number)

    @property
    def port(self) -> str:
        return self.board.port

    def plug(self) -> None:
        self.board.faults = self.faults
        self.board.alive.set()

    def pull(self) -> None:
        self.board.unplug()

    def close(self) -> None:
        self.board.over.set()
        self.board.join(20)


class Operator:
    """Plugs units into the places of a folder, presses the key of a row that waits, and reads what the row says."""

    def __init__(self, folder: Path, places: list[str], units: list[Unit], monkeypatch: Any) -> None:
        self._folder = folder
        folder.mkdir()
        self._at: dict[str, Unit | None] = dict.fromkeys(places)
        self._waiting = list(units)
        self._out: dict[str, float] = {}
        self._open: dict[str, Port] = {}
        self.floor: Floor | None = None
        self.shown: list[tuple[str, str, str]] = []
        """Place, unit and what its row said at its end."""
        opened = find.open_port

        def open_port(name: str, **options: Any) -> Port:
            port = opened(name, **options)
            self._open[name] = port
            unit = next((each for each in self._at.values() if each and each.port == name), None)
            if isinstance(port, sim.SimPort) and unit is not None:
                for fault in unit.faults:
                    port.control(fault)
                if unit.mended:
                    # A latched fault is cleared at the unit, by holding its button.
                    port.control({"do": "press", "ms": 3500})
                port.run(5.0 if unit.mended else 1.0)
            return port

        monkeypatch.setattr(find, "open_port", open_port)

    def told(self, work: Work) -> None:
        """In the unit's own thread, at the beginning of a step: where some are pulled out."""
        unit = self._at[work.place]
        assert unit is not None
        if work.step in unit.pulled_at:
            unit.pulled_at.remove(work.step)
            self._pull(work.place, unit)

    def _pull(self, place: str, unit: Unit) -> None:
        (self._folder / place).unlink()
        unit.pull()
        port = self._open.get(unit.port)
        if isinstance(port, sim.SimPort):
            # Nobody has it open any more when the unit is done.
            with contextlib.suppress(DeviceLost):
                port.unplug()
        self._out[place] = time.monotonic()

    def _plug(self, place: str, unit: Unit) -> None:
        self._at[place] = unit
        unit.plug()
        entry = self._folder / f".{place}"
        entry.write_text(unit.port)
        entry.rename(self._folder / place)
        self._out.pop(place, None)

    def turn(self) -> bool:
        """See to each row. False when there is nothing left to do."""
        assert self.floor is not None
        for row in self.floor.rows:
            self._see_to(row)
        return bool(self._waiting) or any(self._at.values())

    def _see_to(self, row: Row) -> None:
        assert self.floor is not None
        unit = self._at[row.place]
        if unit is None:
            if row.state is State.EMPTY and self._waiting:
                self._plug(row.place, self._waiting.pop(0))
        elif row.place in self._out:
            # It is put back once the screen says so.
            if row.state in (State.AWAY, State.EMPTY):
                self._plug(row.place, unit)
        elif row.state is State.READY:
            unit.keystrokes += 1
            self.floor.key(row.key)
        elif row.state in (State.PASS, State.FAIL):
            unit.results.append(row.state.value)
            self.shown.append((row.place, unit.name, row.text))
            self._pull(row.place, unit)
            if row.state is State.FAIL and len(unit.results) < unit.tries:
                unit.mend()
            else:
                self._at[row.place] = None
                del self._out[row.place]
                unit.close()


def play(floor: Floor, operator: Operator, within_s: float) -> None:
    """Until every unit is put away."""
    operator.floor = floor
    deadline = time.monotonic() + within_s
    going = True
    while going:
        assert time.monotonic() < deadline, [(row.place, row.state, row.text) for row in floor.rows]
        floor.tick()
        going = operator.turn()
        time.sleep(0.01)
