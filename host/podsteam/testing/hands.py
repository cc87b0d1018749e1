# SPDX-License-Identifier: Apache-2.0
"""What acts on a unit from outside: hands that press and insert, a screwdriver that breaks, a switch for the power.

A simulated board has all of it on its control port. A real one has a person at the terminal, who is asked and whose
act the device itself reports, and a command that switches its supply. What cannot be had skips the test, with the
reason.
"""

import shlex
import subprocess
import time
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

import pytest

from podsteam.errors import PodsteamError, UsageProblem
from podsteam.text import safe
from podsteam.transport import find, sim
from podsteam.transport.port import Port
from podsteam.wire import messages as m

PERSON_S = 60.0
"""How long a person has for what is asked of them."""
OFF_S = 2.0
"""How long the power of a real board stays off: its supply must run empty."""
BACK_S = 10.0
"""For a port to come back after its board's power was off."""
_LOOK_S = 0.25
PLACEHOLDER = "{on|off}"


class Waits(Protocol):
    """What a person's act is seen through: `Board.wait_for`."""

    def __call__(self, event: int, a: int | None = None, within_s: float = 60.0) -> m.Event:
        """Let time pass until the device reports the event."""
        ...


class Hands(Protocol):
    """Acts on the unit. Each skips the test where nobody can do it."""

    def press(self, ms: int) -> None:
        """Hold the button for so long."""
        ...

    def insert(self, podlet: str | bytes) -> None:
        """Put a podlet in: a demo podlet's name or a tag's memory."""
        ...

    def remove(self) -> None:
        """Take the podlet out."""
        ...

    def control(self, command: dict[str, Any]) -> dict[str, Any]:
        """Anything else that a simulated board's control port can do."""
        ...


class TwinHands:
    """The control port of a simulated board: on the port itself, or beside it when the board is served."""

    def __init__(self, control: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self._control = control

    def control(self, command: dict[str, Any]) -> dict[str, Any]:
        """See `Hands`."""
        return self._control(command)

    def press(self, ms: int) -> None:
        """See `Hands`."""
        self.control({"do": "press", "ms": ms})

    def insert(self, podlet: str | bytes) -> None:
        """See `Hands`."""
        what = {"podlet": podlet} if isinstance(podlet, str) else {"dump": podlet.hex()}
        self.control({"do": "insert", **what})

    def remove(self) -> None:
        """See `Hands`."""
        self.control({"do": "remove"})


class Person:
    """Somebody at the terminal. `say` shows them what to do; None: there is no terminal, so there is nobody."""

    def __init__(self, say: Callable[[str], None] | None, wait_for: Waits) -> None:
        self._say = say
        self._wait_for = wait_for

    def _ask(self, what: str, event: m.EventValue, a: int | None = None) -> None:
        if self._say is None:
            pytest.skip(f"needs a hand ({what}) and nobody is at a terminal; run pytest from one")
        self._say(f"Please {what}.")
        try:
            self._wait_for(event, a, PERSON_S)
        except AssertionError:
            pytest.skip(f"needs a hand ({what}), and nobody did it within {PERSON_S:.0f} s")

    def press(self, ms: int) -> None:
        """See `Hands`."""
        held = "" if ms < 1000 else f" after holding it for {ms / 1000:.0f} s"
        self._ask(f"press the device's button and release it{held}", m.EventValue.BUTTON, 0)

    def insert(self, podlet: str | bytes) -> None:
        """See `Hands`."""
        name = f"'{safe(podlet)}'" if isinstance(podlet, str) else f"whose tag begins with {podlet[:9].hex()}"
        self._ask(f"insert the podlet {name}", m.EventValue.PODLET)

    def remove(self) -> None:
        """See `Hands`."""
        self._ask("take the podlet out", m.EventValue.PODLET)

    def control(self, command: dict[str, Any]) -> NoReturn:
        """See `Hands`."""
        pytest.skip(f"only a simulated board can do this: {command.get('do')} {command.get('name', '')}".rstrip())


def hands_for(port: Port, say: Callable[[str], None] | None, wait_for: Waits) -> TwinHands | Person:
    """The hands at what is behind a port."""
    if isinstance(port, sim.SimPort):
        return TwinHands(port.control)
    if (served := sim.served_at(port.name)) is not None:
        address = str(served["control"])
        return TwinHands(lambda command: sim.command(address, command))
    return Person(say, wait_for)


def power_words(command: str, on: bool) -> list[str]:
    """The power command's words for on or off. Raises UsageProblem when it has no place for them."""
    if PLACEHOLDER not in command:
        raise UsageProblem(f"The power command needs {PLACEHOLDER} where 'on' or 'off' belongs.")
    return shlex.split(command.replace(PLACEHOLDER, "on" if on else "off"))


def switch_power(command: str) -> None:
    """Power off, a moment, power on. Raises UsageProblem when the command fails."""
    for on in (False, True):
        words = power_words(command, on)
        try:
            subprocess.run(words, check=True, timeout=30, stdin=subprocess.DEVNULL, capture_output=True)
        except (OSError, subprocess.SubprocessError) as e:
            raise UsageProblem(f"The power command fails: {safe(str(e), 200)}.") from e
        if not on:
            time.sleep(OFF_S)


def come_back(name: str) -> Port:
    """Open a port whose board was switched off: the USB side may have gone too, and takes its time. Raises
    PodsteamError when it stays away."""
    deadline = time.monotonic() + BACK_S
    while True:
        try:
            return find.open_port(find.resolve(name))
        except PodsteamError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_LOOK_S)
