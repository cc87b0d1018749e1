# SPDX-License-Identifier: Apache-2.0
"""Checks of what is on the port: who answers, how old it is, its clock, its chip."""

import re

from podsteam.doctor.view import NOT_CHECKED, OK, TROUBLE, Check, Finding, View
from podsteam.flash.container import OLDEST
from podsteam.text import safe

SLOWEST_PPM = 10_000
"""Device and computer may differ by one in a hundred: no crystal does, and timing by the one is still right."""
_NEW_UNIT = "`podsteam flash` makes a unit of it."
_BANNER = re.compile(rb"MicroPython v?(\d{1,2})\.(\d{1,3})")
_SEEN: tuple[tuple[bytes, str, str], ...] = (
    (b"Brownout detector", "its supply voltage breaks in", "Use a shorter cable and another USB socket or supply."),
    (b"waiting for download", "the chip waits in its own loader", "Press EN once, without BOOT."),
    (b"invalid header", "the chip is empty", _NEW_UNIT),
    (b"No bootable app", "the chip has no application", _NEW_UNIT),
    (b">>> ", "MicroPython's prompt, so podsteam is not installed or was stopped", f"Press EN once; {_NEW_UNIT}"),
    (b"MicroPython v", "MicroPython without podsteam", _NEW_UNIT),
    (b"Traceback (most recent", "MicroPython, whose program failed", "`podsteam flash recover` mends it."),
    (b"rst:0x", "a chip that starts, but no podsteam", f"`podsteam flash recover` mends a unit; {_NEW_UNIT}"),
)
"""What a chip says that is no podsteam: a part of its text, in words, what to do."""


def answer(view: View) -> Finding:
    """Does a podsteam answer?"""
    name, met = "answer", view.met
    if met is None:
        return Finding(name, NOT_CHECKED, "There is no port that could be opened.")
    if not met.problem:
        simulated = ", simulated: everything that it shows is computed" if met.hello.get("simulated") else ""
        return Finding(name, OK, f"A podsteam answers, firmware {met.hello.get('firmware', '?')}{simulated}.")
    if met.status in (10, 12, 13):
        return Finding(name, NOT_CHECKED, f"The port could not be opened: {met.problem}")
    for mark, words, remedy in _SEEN:
        if mark in met.text:
            return Finding(name, TROUBLE, f"What answers is {words}.", remedy, 14)
    if met.status == 15:
        return Finding(name, NOT_CHECKED, "See 'protocol'.")
    if met.text:
        remedy = "Name the right port with --port; if it is the right one, `podsteam flash` makes a unit of its chip."
        return Finding(name, TROUBLE, f"What answers is no podsteam; it sent '{safe(met.text, 40)}'.", remedy, 14)
    remedy = "Press EN once. If it stays silent, look for the right port (`podsteam devices`), then `podsteam flash`."
    return Finding(name, TROUBLE, f"Nothing answers: {met.problem}", remedy, met.status or 14)


def protocol(view: View) -> Finding:
    """Do device and host tool have the same age?"""
    name, met = "protocol", view.met
    if met is not None and met.status == 15:
        return Finding(name, TROUBLE, met.problem, "Update the older of the two.", 15)
    if met is None or met.problem:
        return Finding(name, NOT_CHECKED, "No podsteam answered.")
    theirs, ours = met.minor
    if theirs < ours:
        said = f"The device's protocol is older by {ours - theirs}; some commands are refused."
        return Finding(name, TROUBLE, said, "Install a newer application: `podsteam update`, or `podsteam flash`.", 15)
    if theirs > ours:
        said = f"The device's protocol is newer by {theirs - ours}; some of what it knows is not shown."
        return Finding(name, TROUBLE, said, "Run `pip install --upgrade podsteam`.")
    return Finding(name, OK, f"Both speak {met.hello.get('protocol', ours)}.")


def micropython(view: View) -> Finding:
    """Is the interpreter new enough?"""
    name, met = "MicroPython", view.met
    if met is None:
        return Finding(name, NOT_CHECKED, "Nothing could be asked.")
    found = _version(view)
    if found is None:
        return Finding(name, NOT_CHECKED, "What is on the port does not tell its version.")
    shown, oldest = (".".join(map(str, each)) for each in (found, OLDEST))
    if found < OLDEST:
        remedy = f"Flash a newer one: `podsteam flash --image FILE`; {oldest} is the oldest that works."
        return Finding(name, TROUBLE, f"MicroPython {shown} is too old.", remedy, 15)
    return Finding(name, OK, f"MicroPython {shown}.")


def _version(view: View) -> tuple[int, int] | None:
    met = view.met
    assert met is not None
    run = met.info.get("interpreter")
    if run and run["name"] == "micropython":
        major, minor = str(run["version"]).split(".")[:2]
        return int(major), int(minor)
    banner = _BANNER.search(met.text)
    return (int(banner[1]), int(banner[2])) if banner else None


def lines(view: View) -> Finding:
    """Opening the port must not restart the board: a running session would end."""
    name, met = "opening the port", view.met
    if met is None or met.restarts is None:
        return Finding(name, NOT_CHECKED, "It is tried on a serial port where a podsteam answers and rests.")
    if met.restarts:
        said = "Each time that the port is opened the board restarts, which ends a session."
        remedy = "Use a board with the usual circuit at DTR and RTS, or a bridge that leaves them alone."
        return Finding(name, TROUBLE, said, remedy)
    return Finding(name, OK, "The board runs on when the port is opened.")


def clock(view: View) -> Finding:
    """Does the device's second last as long as the computer's?"""
    name, met = "device's clock", view.met
    if met is None or met.fast_ppm is None:
        return Finding(name, NOT_CHECKED, "No podsteam answered, or its time runs at a speed of its own.")
    percent = met.fast_ppm / 10_000
    if abs(met.fast_ppm) > SLOWEST_PPM:
        said = f"The device's clock runs {percent:+.1f} % beside this computer's; a session's times are wrong by that."
        remedy = "Restart both and look again; if it stays so, the board's crystal is broken and it must not heat."
        return Finding(name, TROUBLE, said, remedy, 14)
    return Finding(name, OK, f"It differs from this computer's by {abs(percent):.1f} % at most.")


def self_test(view: View) -> Finding:
    """What the device found about itself."""
    name, met = "self-test", view.met
    if met is None or met.failed is None:
        return Finding(name, NOT_CHECKED, "No podsteam answered, or it is too old to tell.")
    if met.failed:
        remedy = "`podsteam selftest` says what each of them covers."
        return Finding(name, TROUBLE, f"It does not heat: {', '.join(met.failed)} failed.", remedy, 21)
    return Finding(name, OK, "Nothing failed.")


_ASK_CHIP = "`podsteam doctor --chip` asks the chip's loader, which restarts the board."


def chip(view: View) -> Finding:
    """Is it the chip that the board file names?"""
    name, found = "chip", view.chip
    if found is None:
        return Finding(name, NOT_CHECKED, "Only the chip's loader tells.", _ASK_CHIP)
    if found.wrong:
        remedy = "Name the board file of this chip with --board, and take the image for it."
        return Finding(name, TROUBLE, found.problem, remedy, 2)
    if found.problem:
        remedy = "Hold BOOT, press EN once, and run the command again."
        return Finding(name, TROUBLE, found.problem, remedy, found.status or 14)
    return Finding(name, OK, f"It is an {found.wanted}.")


def partitions(view: View) -> Finding:
    """Has the chip a place for podsteam's files?"""
    name, found = "partition table", view.chip
    if found is None:
        return Finding(name, NOT_CHECKED, "Only the chip's loader tells.", _ASK_CHIP)
    if found.problem:
        return Finding(name, NOT_CHECKED, "The chip could not be read.")
    if found.table_problem:
        remedy = "`podsteam flash --image FILE` writes MicroPython with the right one."
        return Finding(name, TROUBLE, found.table_problem[0].upper() + found.table_problem[1:], remedy, 2)
    return Finding(name, OK, f"It has {found.files_bytes // 1024} KiB for files.")


CHECKS: tuple[Check, ...] = (answer, protocol, micropython, lines, clock, self_test, chip, partitions)
