# SPDX-License-Identifier: Apache-2.0
"""Writes `packages.json`: signed packages and the key of the unit, for runs on interpreters that cannot sign.

python tests/update/make_packages.py
"""

import json
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from podsteam.flash import release

HERE = Path(__file__).parent


def application(mark: bytes) -> dict[str, bytes]:
    """A small application, empty file included."""
    return {
        "podsteam_firmware/__init__.mpy": b"",
        "podsteam_firmware/core.mpy": mark * 300,
        "podsteam_firmware/heat/hold.mpy": mark[::-1] * 130,
        "podsteam_protocol/frame.mpy": b"frame" + mark,
    }


def main() -> None:
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    new = release.build(application(b"new"), "0.2.0", "bench")
    packages = {
        "key": release.raw_key(key.public_key()),
        "new": release.sign(new, key).pack(),
        "newer": release.sign(release.build(application(b"newer"), "0.3.0", "bench"), key).pack(),
        "old": release.sign(release.build(application(b"old"), "0.0.9", "bench"), key).pack(),
        "other board": release.sign(release.build(application(b"brd"), "0.2.0", "elsewhere"), key).pack(),
        "other key": release.sign(new, other).pack(),
        "unsigned": new.pack(),
    }
    for name, edit in {
        "dots": ("podsteam_protocol/frame.mpy", "podsteam_protocol/../../a/frame.mpy"),
        "absolute": ("podsteam_protocol/frame.mpy", "/podsteam_protocol/frame.mpy"),
        "the manifest itself": ("podsteam_protocol/frame.mpy", "manifest"),
        "twice": ("podsteam_protocol/frame.mpy", "podsteam_firmware/heat/hold.mpy"),
        "not in order": ("podsteam_protocol/frame.mpy", "a_first.mpy"),
        "other product": ("product podsteam", "product toaster"),
        "oversize": ("file 900 ", "file 900000 "),
        "negative": ("file 900 ", "file -900 "),
        "interpreter": ("interpreter 1.23", "interpreter x"),
        "no version": ("version 0.2.0", "version 2"),
    }.items():
        assert edit[0] in new.manifest.decode()
        # Signed all the same: what a maker who errs, or a host that lies, could send.
        packages[name] = release.sign(
            replace(new, manifest=new.manifest.replace(*(e.encode() for e in edit))), key
        ).pack()
    (HERE / "packages.json").write_text(
        json.dumps({name: raw.hex() for name, raw in packages.items()}, indent=0) + "\n"
    )


if __name__ == "__main__":
    main()
