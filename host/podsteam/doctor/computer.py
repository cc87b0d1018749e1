# SPDX-License-Identifier: Apache-2.0
"""Checks of this computer: port, permission, who else is on it, store, what is installed."""

from podsteam.doctor.view import NOT_CHECKED, OK, TROUBLE, Check, Finding, PortSeen, Usb, View
from podsteam.text import safe

BRIDGES = {
    "10c4": "CP210x",
    "1a86": "CH340",
    "0403": "FTDI",
    "067b": "PL2303",
    "303a": "Espressif",
}
"""Makers of the USB bridges on ESP32 boards, by vendor."""
_CH340 = "1a86:"
RULES = "/etc/udev/rules.d/70-podsteam.rules"
RELOAD = "sudo udevadm control --reload && sudo udevadm trigger"
NO_NETWORK = (
    "Keep it on a disk of this computer: name that with --store; `podsteam records merge` brings stores together."
)
SMALLEST = (80, 24)
"""Columns and lines that the live view is made for."""
FIRST_YEAR, LAST_YEAR = 2025, 2099


def rule(usb: str) -> str:
    """The line for `RULES` that lets whoever sits at the computer use this adapter, and keeps ModemManager off."""
    vendor, _, product = usb.partition(":")
    return (
        f'SUBSYSTEM=="tty", ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}", TAG+="uaccess",'
        ' ENV{ID_MM_DEVICE_IGNORE}="1"'
    )


def _usb_of(view: View, port: PortSeen) -> str:
    return next((c.usb for c in view.candidates if c.port == port.name and c.usb), "10c4:ea60")


def port(view: View) -> Finding:
    """Is there a port to use?"""
    name = "port"
    if view.port is not None and view.port.exists:
        return Finding(name, OK, f"{safe(view.port.name)} is there.")
    if view.port is not None:
        others = ", ".join(safe(c.port) for c in view.candidates) or "none"
        said = f"There is no port {safe(view.port.name)}; USB serial ports that are there: {others}."
        return Finding(name, TROUBLE, said, "Plug the board in, or name another port with --port.", 10)
    if view.candidates:
        return Finding(name, TROUBLE, view.port_problem, "Name the port with --port.", view.port_status or 11)
    remedy = "Plug the board in, or name a port with --port; `--port sim` needs no board."
    return Finding(name, TROUBLE, view.port_problem or "No device was found.", remedy, view.port_status or 10)


def cable(view: View) -> Finding:
    """A cable that only charges shows no USB device at all; a missing driver shows one without a port."""
    name = "cable"
    serial = [c for c in view.candidates if c.kind == "usb"]
    if serial:
        return Finding(name, OK, f"{len(serial)} USB serial {'port' if len(serial) == 1 else 'ports'} found.")
    if view.port is not None and view.port.exists:
        return Finding(name, NOT_CHECKED, "The port in use is not on USB, or the system does not tell.")
    other = "Use another cable, one that is known to carry data, and a socket of the computer itself."
    if view.usb is None:
        said = "No USB serial port was found, and this system does not tell what else is plugged in."
        return Finding(name, TROUBLE, said, f"Many cables only charge. {other}", 10)
    bridges = [each for each in view.usb if each.usb[:4] in BRIDGES]
    if bridges:
        return _no_driver(view, bridges[0])
    seen = ", ".join(f"{each.usb} {safe(each.title, 40)}".rstrip() for each in view.usb) or "none"
    said = f"No USB serial port was found; USB devices that are plugged in: {seen}."
    return Finding(name, TROUBLE, said, f"If the board is not among them, its cable only charges. {other}", 10)


def _no_driver(view: View, bridge: Usb) -> Finding:
    kind = BRIDGES[bridge.usb[:4]]
    said = f"A {kind} bridge ({bridge.usb}) is plugged in, but it has no serial port."
    if view.running is not None and "brltty" in view.running and bridge.usb.startswith(_CH340):
        return Finding("cable", TROUBLE, f"{said} brltty takes it for a Braille display.", _NO_BRLTTY, 10)
    remedy = "Install its driver, and plug the board in again; on Linux, `sudo dmesg` tells what became of it."
    return Finding("cable", TROUBLE, said, remedy, 10)


_NO_BRLTTY = (
    "Run `sudo systemctl mask brltty-udev.service && sudo systemctl stop brltty`, then plug the board in again."
)


def permission(view: View) -> Finding:
    """May this user open the port?"""
    name, at = "permission", view.port
    if at is None or not at.serial or not at.exists:
        return Finding(name, NOT_CHECKED, "There is no serial port of this computer to open.")
    if at.allowed:
        return Finding(name, OK, f"You may open {safe(at.name)}.")
    said = f"You may not open {safe(at.name)}; the group '{at.group}' may."
    if view.platform != "linux":
        return Finding(name, TROUBLE, said, "Ask whoever looks after this computer for access to serial ports.", 12)
    if at.group in view.account_groups and at.group not in view.groups:
        remedy = "Your account is in the group, but since after your login: log out and in again."
        return Finding(name, TROUBLE, said, remedy, 12)
    remedy = (
        f"Run `sudo usermod -a -G {at.group} $USER` and log in again; or put the line {rule(_usb_of(view, at))} into"
        f" {RULES}, run `{RELOAD}` and plug the board in again."
    )
    return Finding(name, TROUBLE, said, remedy, 12)


def busy(view: View) -> Finding:
    """Does another process use the port?"""
    name, at = "other programs", view.port
    if at is None or not at.serial or not at.exists:
        return Finding(name, NOT_CHECKED, "There is no serial port of this computer to look at.")
    if at.holder:
        remedy = "End that first: a serial monitor, Thonny or mpremote that is open keeps the port."
        return Finding(name, TROUBLE, f"{safe(at.name)} is used by {at.holder}.", remedy, 13)
    if view.met is not None and view.met.status == 13:
        remedy = "Close serial monitors, Thonny, mpremote; this system does not tell which of them it is."
        return Finding(name, TROUBLE, view.met.problem, remedy, 13)
    return Finding(name, OK, "Nobody else was seen to use the port.")


def modem_manager(view: View) -> Finding:
    """ModemManager talks to new serial ports as to a modem, which can reset a board and disturb a session."""
    name = "ModemManager"
    if view.platform != "linux" or view.running is None:
        return Finding(name, NOT_CHECKED, "It is a matter of Linux, and this system does not tell what runs.")
    if "ModemManager" not in view.running:
        return Finding(name, OK, "It does not run.")
    if view.port is not None and view.port.mm_ignores:
        return Finding(name, OK, "It runs, and a udev rule keeps it off the port.")
    if view.port is not None and not view.port.serial:
        return Finding(name, OK, "It runs, and the port is none that it looks at.")
    usb = _usb_of(view, view.port) if view.port is not None else "10c4:ea60"
    said = "ModemManager runs and sends to new serial ports for some seconds, as if a modem were there."
    remedy = (
        f"Put the line {rule(usb)} into {RULES}, run `{RELOAD}` and plug the board in again; or remove ModemManager"
        " where no modem is used."
    )
    return Finding(name, TROUBLE, said, remedy)


def clock(view: View) -> Finding:
    """A record says when it was made by this computer's clock."""
    name = "computer's clock"
    if FIRST_YEAR <= view.year <= LAST_YEAR:
        return Finding(name, OK, f"It is in {view.year}.")
    said = f"This computer believes that it is {view.year}, so records get a wrong date."
    return Finding(name, TROUBLE, said, "Set its clock; on Linux, `timedatectl set-ntp true`.")


def store(view: View) -> Finding:
    """SQLite's log and locks do not hold on a network."""
    name, where = "record store", safe(view.store)
    if view.store_network:
        said = f"{where} is on a network folder ({view.store_network}), where two programs can damage it."
        return Finding(name, TROUBLE, said, NO_NETWORK, 40)
    if view.store_problem:
        remedy = "Make room, or take another place with --store; `podsteam records verify` checks a store."
        return Finding(name, TROUBLE, f"{where}: {view.store_problem}", remedy, 40)
    return Finding(name, OK, f"{where} can be used.")


def extras(view: View) -> Finding:
    """What is not installed is only missed by the commands that need it."""
    name = "extras"
    if not view.missing:
        return Finding(name, OK, "All extras are installed.")
    parts = "; ".join(f"{extra} ({', '.join(modules)})" for extra, modules in view.missing.items())
    remedy = f"If you want them, run `pip install 'podsteam[{','.join(view.missing)}]'`."
    return Finding(name, TROUBLE, f"Not installed: {parts}.", remedy)


def terminal(view: View) -> Finding:
    """The live view needs room."""
    name = "terminal"
    if view.terminal is None:
        return Finding(name, NOT_CHECKED, "The output is no terminal.")
    columns, lines = view.terminal
    size = f"It has {columns} columns and {lines} lines"
    if columns >= SMALLEST[0] and lines >= SMALLEST[1]:
        return Finding(name, OK, f"{size}.")
    said = f"{size}; the live view wants {SMALLEST[0]} and {SMALLEST[1]}."
    return Finding(name, TROUBLE, said, "Make the window larger or the letters smaller.")


CHECKS: tuple[Check, ...] = (port, cable, permission, busy, modem_manager, clock, store, extras, terminal)
