# SPDX-License-Identifier: Apache-2.0
"""Whether a folder is fit for a store: SQLite's write-ahead log needs memory that all its processes share, which
a network folder does not give, and its locks often do not hold there."""

import os
import sys
from pathlib import Path

from podsteam.errors import StoreFailed

_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "9p", "ceph", "lustre", "glusterfs", "davfs", "afpfs"),
    *("webdav", "fuse.sshfs", "fuse.rclone", "fuse.glusterfs", "fuse.davfs", "fuse.s3fs", "fuse.gcsfuse", "vboxsf"),
}
_DRIVE_REMOTE = 4


def _unescaped(path: str) -> str:
    """A path as `mountinfo` writes it: blank, tab, newline and backslash in octal."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        path = path.replace(code, character)
    return path


def kind_of_mount(mountinfo: str, folder: Path) -> str:
    """The file system's kind at `folder`, from the text of Linux' `/proc/self/mountinfo`; "": not found."""
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if not dash or len(fields) < 5:
            continue
        mounted = Path(_unescaped(fields[4]))
        # A later mount on the same place hides the earlier one.
        if (mounted == folder or mounted in folder.parents) and len(mounted.parts) >= best:
            best, kind = len(mounted.parts), right.split(" ", 1)[0]
    return kind


def _kind(folder: Path) -> str:
    if sys.platform == "win32":
        import ctypes

        drive = os.path.splitdrive(folder)[0]
        remote = drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(drive + "\\") == _DRIVE_REMOTE
        return "smb3" if remote else ""
    try:
        return kind_of_mount(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"), folder)
    except OSError:
        # No Linux: nothing is known, and nothing refused.
        return ""


def network_kind(path: Path) -> str:
    """The kind of network folder that a store at `path` would lie on; "": none that is known."""
    kind = _kind(path.parent.resolve())
    return kind if kind in _NETWORK else ""


def check(path: Path) -> None:
    """Raises StoreFailed when the store's folder lies on a network."""
    kind = network_kind(path)
    if kind:
        raise StoreFailed(
            f"{path}: is on a network folder ({kind}), where two programs can damage a store; keep it on a disk of this"
            " computer, name that with --store, and bring stores together with 'podsteam records merge'."
        )
