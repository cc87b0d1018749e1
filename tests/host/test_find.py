# SPDX-License-Identifier: Apache-2.0
"""Port names: exactly one match or an error that lists the candidates, and no port is opened to find it."""

from types import SimpleNamespace
from typing import Any

import pytest

from podsteam import errors
from podsteam.transport import find, sim
from podsteam.transport.socketport import address_of


def adapter(device: str, serial: str | None, location: str | None, vid: int | None = 0x10C4) -> Any:
    return SimpleNamespace(
        device=device, vid=vid, pid=0xEA60, serial_number=serial, location=location, description=f"bridge on {device}"
    )


REAL_OPEN = find.open_port
ONE = [adapter("/dev/ttyUSB0", "0001", "1-4.2")]
TWO = [*ONE, adapter("/dev/ttyUSB1", "0001", "1-4.3"), adapter("/dev/ttyS0", None, None, vid=None)]


@pytest.fixture(autouse=True)
def plugged(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that decides what is plugged in and what is served."""
    from serial.tools import list_ports

    def plug(ports: list[Any], twins: list[dict[str, Any]] | None = None) -> None:
        monkeypatch.setattr(list_ports, "comports", lambda: ports)
        monkeypatch.setattr(sim, "running", lambda: twins or [])

    def opened(*_: Any, **__: Any) -> None:
        raise AssertionError("a port was opened")

    monkeypatch.delenv(find.ENVIRONMENT, raising=False)
    monkeypatch.setattr(find, "open_port", opened)
    plug([])
    return plug


def test_nothing_there() -> None:
    with pytest.raises(errors.NoDevice) as caught:
        find.resolve("")
    assert caught.value.status == 10


def test_the_only_one(plugged: Any) -> None:
    plugged(ONE)
    assert find.resolve("") == "/dev/ttyUSB0"
    assert [c.port for c in find.candidates()] == ["/dev/ttyUSB0"]


def test_several_are_listed_and_none_is_chosen(plugged: Any) -> None:
    plugged(TWO, [{"name": "mine", "link": "/dev/pts/9", "control": "127.0.0.1:1"}])
    with pytest.raises(errors.AmbiguousDevice) as caught:
        find.resolve("")
    assert caught.value.status == 11
    for port in ("/dev/ttyUSB0", "/dev/ttyUSB1", "/dev/pts/9"):
        assert port in str(caught.value)
    # A built-in port without USB is no candidate.
    assert "ttyS0" not in str(caught.value)


def test_a_served_board_is_a_candidate(plugged: Any) -> None:
    plugged([], [{"name": None, "link": "socket://127.0.0.1:5", "control": "127.0.0.1:1"}])
    assert find.resolve("") == "socket://127.0.0.1:5"


def test_environment(plugged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plugged(TWO)
    monkeypatch.setenv(find.ENVIRONMENT, "sim:bench")
    assert find.resolve("") == "sim:bench"
    assert find.resolve("/dev/ttyUSB1") == "/dev/ttyUSB1"


def test_adapter_by_serial_number_and_by_socket(plugged: Any) -> None:
    plugged(ONE)
    assert find.resolve("id:0001") == "/dev/ttyUSB0"
    plugged(TWO)
    assert find.resolve("usb:1-4.3") == "/dev/ttyUSB1"
    with pytest.raises(errors.AmbiguousDevice, match="2 devices match 'id:0001'"):
        find.resolve("id:0001")
    with pytest.raises(errors.NoDevice):
        find.resolve("id:0002")
    with pytest.raises(errors.NoDevice):
        find.resolve("usb:9-9")
    with pytest.raises(errors.NoDevice):
        find.resolve("id:")


def test_unit_asks_every_candidate(plugged: Any) -> None:
    plugged(TWO)
    units = {"/dev/ttyUSB0": "a1b2c3d4e5f6", "/dev/ttyUSB1": "0123456789ab"}
    asked: list[str] = []

    def ask(port: str) -> str:
        asked.append(port)
        return units[port]

    assert find.resolve("unit:0123456789AB", ask) == "/dev/ttyUSB1"
    assert find.resolve("unit:a1:b2:c3:d4:e5:f6", ask) == "/dev/ttyUSB0"
    assert asked == ["/dev/ttyUSB0", "/dev/ttyUSB1"] * 2
    with pytest.raises(errors.NoDevice):
        find.resolve("unit:ffffffffffff", ask)
    with pytest.raises(errors.UsageProblem):
        find.resolve("unit:xyz", ask)


def test_unit_names_the_ports_that_could_not_be_asked(plugged: Any) -> None:
    plugged(TWO)

    def ask(port: str) -> str:
        if port == "/dev/ttyUSB0":
            raise errors.PortBusy("it is used by minicom.")
        return "0123456789ab"

    assert find.resolve("unit:0123456789ab", ask) == "/dev/ttyUSB1"
    with pytest.raises(errors.NoDevice, match="minicom"):
        find.resolve("unit:ffffffffffff", ask)


@pytest.mark.parametrize("name", ["sim", "sim:bench", "COM3", "/dev/ttyACM7", "socket://127.0.0.1:5557"])
def test_names_that_need_no_search(name: str) -> None:
    assert find.resolve(name) == name


@pytest.mark.parametrize(
    "name", ["http://example.org", "serial:1", "socket://nowhere", "socket://:5", "socket://a:b", "socket://a:0"]
)
def test_names_of_no_form(name: str) -> None:
    with pytest.raises(errors.UsageProblem) as caught:
        find.resolve(name)
    assert caught.value.status == 2


def test_socket_address() -> None:
    assert address_of("socket://[::1]:80") == ("::1", 80)
    assert address_of("socket://localhost:5557/") == ("localhost", 5557)


def test_hostile_descriptions_are_escaped(plugged: Any) -> None:
    evil = adapter("/dev/ttyUSB2", "x", "1-1")
    evil.description = "\x1b[2J\nrm -rf"
    plugged([*ONE, evil])
    with pytest.raises(errors.AmbiguousDevice) as caught:
        find.resolve("")
    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)


def test_options_are_for_simulated_boards() -> None:
    with pytest.raises(errors.UsageProblem, match="seed"):
        REAL_OPEN("/dev/null", seed=7)


@pytest.mark.parametrize("name", ["sim:../x", "sim:UPPER", "sim:" + "a" * 33])
def test_bad_names_of_simulated_boards(name: str) -> None:
    with pytest.raises(errors.UsageProblem):
        sim.SimPort(name)


def reopening(monkeypatch: pytest.MonkeyPatch, gone: tuple[str, ...], unit_on: str) -> list[str]:
    """What gets opened from now on; those that are `gone` are not there, and the unit answers on `unit_on`."""
    opened: list[str] = []

    def open_port(name: str) -> Any:
        opened.append(name)
        if name in gone:
            raise errors.NoDevice("There is no port.")
        return name

    monkeypatch.setattr(find, "open_port", open_port)
    monkeypatch.setattr(find, "resolve", lambda name: unit_on if name == "unit:a1b2c3d4e5f6" else "")
    return opened


def test_a_port_is_opened_again_where_it_was_and_in_turn_where_the_unit_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name from before may be another device's by now, which only a greeting shows: the next try goes elsewhere."""
    opened = reopening(monkeypatch, (), "/dev/ttyUSB1")
    again = find.Reopened("/dev/ttyUSB0")
    for _ in range(3):
        again("a1b2c3d4e5f6")
    assert opened == ["/dev/ttyUSB0", "/dev/ttyUSB1", "/dev/ttyUSB0"]


def test_a_port_that_is_gone_is_looked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = reopening(monkeypatch, ("/dev/ttyUSB0",), "/dev/ttyUSB1")
    find.Reopened("/dev/ttyUSB0")("a1b2c3d4e5f6")
    assert opened == ["/dev/ttyUSB0", "/dev/ttyUSB1"]


@pytest.mark.parametrize("name", ["socket://127.0.0.1:1", "sim:mine"])
def test_a_socket_and_a_simulated_board_have_one_place_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = reopening(monkeypatch, (name,), "/dev/ttyUSB1")
    again = find.Reopened(name)
    for _ in range(2):
        with pytest.raises(errors.NoDevice):
            again("a1b2c3d4e5f6")
    assert opened == [name, name]
