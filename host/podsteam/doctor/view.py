# SPDX-License-Identifier: Apache-2.0
"""What the checks look at, and what they find. Nothing here looks at the real system, so that tests can make any."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from podsteam.transport.find import Candidate

OK, TROUBLE, NOT_CHECKED = "OK", "trouble", "not checked"


@dataclass(frozen=True)
class Finding:
    """What a check found. `said` and `remedy` are one sentence or two."""

    name: str
    result: str
    """OK, TROUBLE or NOT_CHECKED."""
    said: str
    remedy: str = ""
    """What to do about the trouble, or how to have it checked."""
    status: int = 0
    """The exit status that the trouble asks for; 0: podsteam works all the same."""

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "result": self.result,
            "said": self.said,
            "remedy": self.remedy,
            "status": self.status,
        }


@dataclass(frozen=True)
class Usb:
    """A USB device of any kind. `title` comes from the device and is untrusted."""

    usb: str
    """Vendor and product, as 10c4:ea60."""
    title: str = ""


@dataclass(frozen=True)
class PortSeen:
    """A port as the operating system shows it, before it is opened."""

    name: str
    serial: bool = True
    """Whether it is a serial port of this computer; if not, a socket or a simulated board."""
    exists: bool = True
    allowed: bool = True
    """Whether this user may read and write it."""
    group: str = "dialout"
    """The group whose members may."""
    holder: str = ""
    """The process that has it open, as far as the system tells."""
    mm_ignores: bool | None = None
    """Whether a udev rule tells ModemManager to leave it alone; None: the system does not tell."""


@dataclass(frozen=True)
class Met:
    """What answered on the port."""

    text: bytes = b""
    """What came that was no frame, the newest 4 KiB."""
    problem: str = ""
    """Why there was no greeting; empty: there was one."""
    status: int = 0
    """The exit status of that problem."""
    hello: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Who it is, as `podsteam info` has it; empty without a greeting."""
    info: Mapping[str, Any] = field(default_factory=dict[str, Any])
    minor: tuple[int, int] = (0, 0)
    """Minor version of the protocol: the device's, the host's."""
    fast_ppm: float | None = None
    """How much faster than the host's the device's clock runs; None: not measured."""
    restarts: bool | None = None
    """Whether opening the port restarted the board; None: not tried."""
    resting: bool = True
    """Whether no session was on."""
    failed: tuple[str, ...] | None = None
    """Names of the checks of the self-test that failed; None: it does not tell."""
    events: tuple[str, ...] = ()
    """The newest events in words."""


@dataclass(frozen=True)
class Chip:
    """What the chip's own loader told."""

    wanted: str = ""
    """The chip of the board file, as people write it."""
    problem: str = ""
    status: int = 0
    wrong: bool = False
    """The problem is that it is another chip."""
    table_problem: str = ""
    """What is wrong with the partition table."""
    files_bytes: int = 0
    """Size of the partition for files."""


@dataclass(frozen=True)
class View:
    """Everything that was looked at. None: not looked at, or the system does not tell."""

    platform: str = "linux"
    """As `sys.platform`."""
    year: int = 2026
    """What the computer's clock says."""
    candidates: tuple[Candidate, ...] = ()
    usb: tuple[Usb, ...] | None = None
    """The USB devices that are plugged in, hubs left out."""
    port: PortSeen | None = None
    """The port that the command means."""
    port_problem: str = ""
    """Why it means none."""
    port_status: int = 0
    groups: frozenset[str] = frozenset()
    """Groups of this process."""
    account_groups: frozenset[str] = frozenset()
    """Groups of this user's account: they count from the next login on."""
    running: frozenset[str] | None = None
    """Names of the running processes."""
    store: str = ""
    store_network: str = ""
    """The kind of network folder on which the store lies; empty: none."""
    store_problem: str = ""
    """Why the store cannot be used."""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """What is not installed, by extra."""
    terminal: tuple[int, int] | None = None
    """Columns and lines; None: the output is no terminal."""
    met: Met | None = None
    chip: Chip | None = None


Check = Callable[[View], Finding]
