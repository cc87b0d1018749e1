# SPDX-License-Identifier: Apache-2.0
"""Check the types of the firmware files that see `machine` and `esp32`, against the ESP32's stubs.

    python tools/check_door.py

These files need a run of their own: MicroPython's standard library takes the place of CPython's there, which
must not happen to the rest. The configuration goes to `build/`, as the stubs' place depends on the Python.
"""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRMWARE = ROOT / "firmware" / "podsteam_firmware"
LOADER = ROOT / "firmware" / "podsteam_loader"


def configuration(files: list[Path], stubs: Path) -> dict[str, object]:
    """The checker's configuration for `files`, with the stubs that lie in the folder `stubs`."""
    return {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
        "include": [str(path) for path in files],
        "extraPaths": [str(ROOT / "firmware"), str(ROOT / "protocol"), str(FIRMWARE / "entry")],
        "typeshedPath": str(stubs),
        "stubPath": str(stubs),
        "reportMissingModuleSource": "none",
        "reportConstantRedefinition": "none",
        # The stubs leave many parameters and results without a type.
        "reportUnknownMemberType": "none",
        "reportUnknownVariableType": "none",
        "reportUnknownArgumentType": "none",
    }


def main() -> int:
    """Run the checker; returns its exit status."""
    files = sorted([*FIRMWARE.glob("hal/esp32*.py"), *FIRMWARE.glob("entry/*.py"), LOADER / "esp32.py"])
    stubs = Path(sysconfig.get_paths()["purelib"])
    if not files or not (stubs / "machine.pyi").exists() or not (stubs / "stdlib").is_dir():
        print("the door's files or their stubs (micropython-esp32-stubs) are missing", file=sys.stderr)
        return 1
    target = ROOT / "build" / "door.pyrightconfig.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(configuration(files, stubs), indent=1), encoding="utf-8")
    return subprocess.run([sys.executable, "-m", "basedpyright", "-p", str(target)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
