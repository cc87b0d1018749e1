# SPDX-License-Identifier: Apache-2.0
"""The valve's calibration over the link: read, refused, replaced, kept through a reset; and what a shot tells."""

import pytest
from bench import Bench, Refused

from podsteam.wire import messages as w

NEW = w.DoseCalibration(1000, 3000, 200, 2200, 0, 0, 0)
GOOD = w.DoseCalibration(1100, 4200, 50, 2300, 20, 40, 20_600)

SHOT = (
    w.EventValue.DOSE_WANTED,
    w.EventValue.DOSE_REDUCED,
    w.EventValue.DOSE_INTENT,
    w.EventValue.DOSE_RESULT,
)


@pytest.mark.parametrize("interpreter", ["cpython", "micropython"])
def test_the_calibration_is_read_refused_and_replaced(interpreter: str, micropython: str) -> None:
    bench = Bench(interpreter)
    bench.run(1)
    bench.hello()
    assert bench.ask(w.DoseCalGetRequest()).calibration == NEW.pack()
    bad = w.DoseCalibration(1100, 400, 50, 2300, 20, 40, 20_600)
    with pytest.raises(Refused) as refused:
        bench.ask(w.DoseCalSetRequest(bad.pack()))
    assert refused.value.args[0] == "OUT_OF_RANGE"
    assert (refused.value.args[1].arg, refused.value.args[1].detail) == (1, 400)
    with pytest.raises(Refused, match="MALFORMED"):
        bench.ask(w.DoseCalSetRequest(b"\0" * 13))
    assert bench.ask(w.DoseCalGetRequest()).calibration == NEW.pack()
    assert bench.ask(w.DoseCalSetRequest(GOOD.pack())).calibration == GOOD.pack()
    assert bench.ask(w.DoseCalGetRequest()).calibration == GOOD.pack()
    bench.close()


def test_a_running_session_keeps_its_calibration() -> None:
    bench = Bench("cpython")
    bench.run(1)
    bench.start()
    with pytest.raises(Refused, match="BUSY_SESSION"):
        bench.ask(w.DoseCalSetRequest(GOOD.pack()))
    bench.close()


def test_a_shot_that_is_made_smaller_tells_what_was_wanted() -> None:
    """The demo podlet's dose is less than this program asks for."""
    bench = Bench("cpython")
    bench.run(1)
    bench.hello()
    program = w.Program(
        name=b"much".ljust(16, b"\0"),
        warm_up_max_s=600,
        steam1_mg_min=4000,
        steam1_s=60,
        dose_first_s=5,
        dose_count=1,
        dose_nl=240_000,
        end_cdeg=6000,
    )
    bench.ask(w.ProgramPutRequest(program.pack()))
    bench.start(program.name)
    bench.run_hosted(400)
    shot = [event for event in bench.events if event[0] in SHOT]
    dose_nl = bench.ask(w.PodletGetRequest()).dose_nl
    assert [event[0] for event in shot] == list(SHOT)
    assert shot[0] == (w.EventValue.DOSE_WANTED, 240_000, 1 << w.DoseValue.SHOT_CAP)
    assert shot[1] == (w.EventValue.DOSE_REDUCED, w.DoseValue.SHOT_CAP, dose_nl)
    assert shot[3] == (w.EventValue.DOSE_RESULT, w.DoseValue.GIVEN, dose_nl)
    bench.close()
