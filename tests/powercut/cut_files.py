# SPDX-License-Identifier: Apache-2.0
"""What a file store has promised: the file verbs, watched. Runs on both interpreters.

The promise is a dict: name of a file to the contents that may be found in it (None: no such file). While a verb is
at work both the old and the new content are allowed; once it has answered True only the new one is.
"""

from podsteam_twin.powercut import mounted

WHOLE_FILE = 1 << 20


class Watched:
    """The file verbs over those of a store; the tape's promise follows what was asked and what was answered."""

    def __init__(self, files, tape) -> None:
        self._files = files
        self._tape = tape
        self.file_read = files.file_read
        self.file_read_at = files.file_read_at
        self.file_list = files.file_list

    def settle(self) -> None:
        """After a cut: what was found now must not change any more."""
        promise = dict(self._tape.promise)
        for name in promise:
            promise[name] = (self.file_read(name, WHOLE_FILE),)
        self._tape.promise = promise

    def file_write(self, name: str, data) -> bool:
        return self._change(name, bytes(data), self._files.file_write, data)

    def file_append(self, name: str, data) -> bool:
        old = self._tape.promise.get(name, (None,))[0]
        if old is None:
            # A new file is made before it is filled.
            self._promise(name, (None, b""))
        return self._change(name, (old or b"") + bytes(data), self._files.file_append, data)

    def file_remove(self, name: str) -> bool:
        return self._change(name, None, lambda name, _: self._files.file_remove(name), None)

    def _change(self, name: str, content, verb, data) -> bool:
        old = self._tape.promise.get(name, (None,))
        self._promise(name, old + (content,))
        done = verb(name, data)
        if done:
            self._promise(name, (content,))
        return done

    def _promise(self, name: str, contents) -> None:
        promise = dict(self._tape.promise)
        promise[name] = contents
        self._tape.promise = promise


class Before:
    """Stands for the tape while a device is prepared."""

    def __init__(self) -> None:
        self.promise = {}


class Door:
    """The ESP32's own file verbs, `hal/esp32_files.py`, on MicroPython's littlefs."""

    def __init__(self, files) -> None:
        self.file_read = files.read
        self.file_read_at = files.read_at
        self.file_write = files.write
        self.file_append = files.append
        self.file_remove = files.remove
        self.file_list = files.entries


def through_the_door(flash) -> Door:
    """Mount a flash as the board does. MicroPython only. Raises OSError when it does not mount."""
    import os

    import vfs

    from podsteam_firmware.hal.esp32_files import Files

    fs = vfs.VfsLfs2(flash, mtime=False)
    if "cut" in os.listdir("/"):
        vfs.umount("/cut")
    vfs.mount(fs, "/cut")
    return Door(Files("/cut/data"))


def _about(content) -> str:
    if content is None:
        return "none"
    return "%d bytes" % len(content)


def broken(files, promise) -> list[str]:
    """What was promised and is not there, and files that nobody wrote."""
    complaints = []
    folders = {""}
    for name in promise:
        folders.add(name[: max(name.rfind("/"), 0)])
        found = files.file_read(name, WHOLE_FILE)
        if found not in promise[name]:
            allowed = " or ".join([_about(content) for content in promise[name]])
            complaints.append("%s: found %s, not the right %s" % (name, _about(found), allowed))
    for folder in folders:
        for name, _ in files.file_list(folder):
            path = folder + "/" + name if folder else name
            if path not in promise:
                complaints.append("%s: nobody wrote it" % path)
    return complaints


class FileScenario:
    """A scenario on a flash with files, and on further devices if need be.

    `devices()` makes them, the flash with the files first and formatted; `mount(flash)` gives its file verbs.
    `live(files, seed, rounds, *others)` is a life of the store under test, and `look(files, *others)` reads as the
    device does at its start and gives complaints. What every file must hold follows from the verbs that `live` used.
    `before`: rounds of `live` before what is recorded.
    """

    def __init__(self, devices, live, look, rounds: int, before: int, mount=mounted) -> None:
        self._devices = devices
        self._live = live
        self._look = look
        self._rounds = rounds
        self._before = before
        self._mount = mount

    def build(self, seed: int):
        devices = self._devices()
        tape = Before()
        self._live(Watched(self._mount(devices[0]), tape), seed * 7 + 1, self._before, *devices[1:])
        return devices, tape.promise

    def run(self, devices, tape, seed: int) -> None:
        self._live(Watched(self._mount(devices[0]), tape), seed, self._rounds, *devices[1:])

    def check(self, devices, promise) -> list[str]:
        files = self._mount(devices[0])
        return broken(files, promise) + self._look(files, *devices[1:])

    def recover(self, devices, tape, seed: int) -> None:
        files = Watched(self._mount(devices[0]), tape)
        files.settle()
        self._look(files, *devices[1:])
        self._live(files, seed + 5, 1, *devices[1:])
