# SPDX-License-Identifier: Apache-2.0
"""The device's own reminder to clean its line: after many doses or a long rest, until a cleaning."""

from typing import Any

import pytest
from bench import TOKEN, Bench

from podsteam.wire import messages as w
from podsteam_firmware.core import LINE
from podsteam_firmware.store import params
from podsteam_protocol import podlet as p
from podsteam_twin import podlets

TREATMENT = {p.MAIN_DOSE_NL: 20_000, p.MAIN_DOSE_COUNT: 300}
STEAM = w.Program(name=b"steam".ljust(16, b"\0"), warm_up_max_s=600, steam1_mg_min=5000, steam1_s=70, end_cdeg=6000)


def opened(shots: int = 0, minute: int = 0, **fields: Any) -> Bench:
    """A device that counts so many doses already, and a podlet in it."""
    bench = Bench()
    core: Any = bench.twin.machine.loop.core  # type: ignore[attr-defined]
    if shots:
        assert params.save(core.hal, "line", LINE, (shots, minute))
        bench.control("reset")
    bench.control("insert", dump=bytes(podlets.build({**TREATMENT, **fields}).image()).hex())
    bench.run(3)
    bench.hello()
    return bench


def due(bench: Bench) -> bool:
    return bool(bench.ask(w.StatusGetRequest()).flags & w.FlagBits.CLEAN)


def line(bench: Bench) -> tuple[int, int]:
    core: Any = bench.twin.machine.loop.core  # type: ignore[attr-defined]
    found: tuple[int, int] = params.load(core.hal, "line", LINE)[0]
    return found


def session(bench: Bench, program: bytes = b"") -> None:
    bench.ask(w.ArmRequest(TOKEN, program))
    bench.press()
    bench.run_hosted(400)


@pytest.mark.parametrize(("before", "asks"), [(100, False), (198, True)])
def test_many_doses(before: int, asks: bool) -> None:
    bench = opened(before)
    assert not due(bench)
    session(bench)
    given = bench.ask(w.PodletGetRequest()).doses_used
    assert given > 1 and line(bench)[0] == before + given
    assert due(bench) is asks
    bench.control("reset")
    bench.run(1)
    bench.hello()
    assert due(bench) is asks, "a restart forgets nothing"
    bench.close()


def test_a_long_rest_of_known_time() -> None:
    bench = opened(3)
    core: Any = bench.twin.machine.loop.core  # type: ignore[attr-defined]
    core.doser.caps.window.go_to(4318)
    bench.run(61)
    assert not due(bench)
    bench.run(61)
    assert due(bench)
    bench.close()


@pytest.mark.parametrize("how", ["podlet", "steam"])
def test_a_cleaning_sets_it_back(how: str) -> None:
    bench = opened(250)
    assert due(bench)
    if how == "podlet":
        made = podlets.build({**TREATMENT, p.MAIN_CLEANING: True}, uid=bytes.fromhex("04112233445566"))
        bench.control("insert", dump=bytes(made.image()).hex())
        bench.run(3)
        session(bench)
    else:
        bench.ask(w.ProgramPutRequest(STEAM.pack()))
        session(bench, STEAM.name)
    assert line(bench) == (0, 0) and not due(bench)
    bench.close()
