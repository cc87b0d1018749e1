# SPDX-License-Identifier: Apache-2.0
"""Who holds a serial port: as far as Linux's /proc tells this user, "" anywhere else."""

import os
from pathlib import Path

_PROC = Path("/proc")


def holder_of(path: str) -> str:
    """The process that has the port open or locked, as `name (pid 123)`, or ""."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    pid = _locker(status) or _opener(status)
    return f"{_command(pid)} (pid {pid})" if pid else ""


def _command(pid: int) -> str:
    from podsteam.text import safe

    try:
        return safe((_PROC / str(pid) / "comm").read_text(errors="replace").strip(), 40)
    except OSError:
        return "a process"


def _locker(status: os.stat_result) -> int:
    """Pid of the process that holds a lock on the file, 0: none seen. Lines: proc(5), /proc/locks."""
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        lines = (_PROC / "locks").read_text().splitlines()
    except OSError:
        return 0
    for line in lines:
        words = line.split()
        if wanted in words:
            pid = words[words.index(wanted) - 1]
            if pid.isdigit() and int(pid) != os.getpid():
                return int(pid)
    return 0


def _opener(status: os.stat_result) -> int:
    """Pid of another process that has the device open, 0: none seen."""
    try:
        pids = [int(entry) for entry in os.listdir(_PROC) if entry.isdigit()]
    except OSError:
        return 0
    for pid in pids:
        if pid != os.getpid() and _has_open(pid, status):
            return pid
    return 0


def _has_open(pid: int, status: os.stat_result) -> bool:
    folder = _PROC / str(pid) / "fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    for name in names:
        try:
            other = os.stat(folder / name)
        except OSError:
            continue
        if other.st_rdev == status.st_rdev and other.st_ino == status.st_ino and other.st_dev == status.st_dev:
            return True
    return False
