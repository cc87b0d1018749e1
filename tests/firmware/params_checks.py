# SPDX-License-Identifier: Apache-2.0
"""Parameter sets on real littlefs, the power cut before each flash operation of some writes, on either interpreter."""

from podsteam_firmware.store import params
from podsteam_twin.files import FileStore
from podsteam_twin.flash import Flash


def _wider(values: "tuple[int, ...]") -> "tuple[int, ...]":
    return values + (100,)


def _widest(values: "tuple[int, ...]") -> "tuple[int, ...]":
    return values + (values[0] * values[1],)


V1 = (("<ii", None),)
V2 = V1 + (("<iiI", _wider),)
V3 = V2 + (("<iiIh", _widest),)


class FileHal:
    """Files in a dict, whole or, for a while, with a write that leaves something else."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.written: list[str] = []
        self.leave: bytes | None = None
        self.failing = False

    def file_read(self, name: str, limit: int = 4096) -> "bytes | None":
        raw = self.files.get(name)
        return None if raw is None else raw[:limit]

    def file_write(self, name: str, data: bytes) -> bool:
        self.written.append(name)
        if self.failing:
            return False
        if self.leave is not None:
            self.files[name] = self.leave
            return True
        self.files[name] = bytes(data)
        return True


def power_cuts() -> "tuple[int, int, int]":
    """(cuts, of which the last set was found, of which the new one)."""
    flash = Flash(16, 4096)
    store = FileStore(flash)
    images: list[bytes] = []
    cuts = old = new = 0
    for i in range(40):
        images.clear()
        if i:
            flash.on_op = lambda *op: images.append(flash.image())
        assert params.save(store, "x", V1, (i, -i))
        flash.on_op = None
        images.append(flash.image())
        for image in images:
            cut = Flash(16, 4096)
            cut.load(image)
            values, _ = params.load(FileStore(cut), "x", V1)
            if i:
                cuts += 1
                old += values == (i - 1, 1 - i)
                new += values == (i, -i)
    return cuts, old, new


def main() -> "list[str]":
    return ["%d %d %d" % power_cuts()]


if __name__ == "__main__":
    for line in main():
        print(line)
