# SPDX-License-Identifier: Apache-2.0
"""An update over the link to the simulated board, on both interpreters: installed, refused, interrupted, given up."""

import json
from pathlib import Path
from typing import Any

import pytest
import update_bench as bench
from cryptography.hazmat.primitives.asymmetric import ec

from podsteam import update
from podsteam.cli.main import main
from podsteam.client import Device
from podsteam.errors import IntegrityFailed, PodsteamError, Refused, UsageProblem
from podsteam.flash import compiled, release
from podsteam.wire import messages as w

KEY = ec.generate_private_key(ec.SECP256R1())
KINDS = ["cpython", "micropython"]


def unit(interpreter: str = "cpython", **options: Any) -> Device:
    key = release.raw_key(KEY.public_key()).hex()
    return Device.open("sim", interpreter=interpreter, seed=4, slots=["files", "files"], update_key=key, **options)


def package(
    version: str = "0.2.0", core: bytes = b"a newer application", board: str = "twin", key: Any = KEY
) -> release.Package:
    files = {"podsteam_firmware/core.mpy": core * 40, "podsteam_protocol/frame.mpy": b"frame" * 60}
    return release.sign(release.build(files, version, board), key)


def quiet(done: int, whole: int) -> None:
    """Nobody watches."""


@pytest.mark.parametrize("interpreter", KINDS)
def test_an_update_is_installed_confirmed_and_rolled_back(interpreter: str) -> None:
    with unit(interpreter) as device:
        before = update.state(device)
        assert (before.slot, before.version, before.board, before.trial) == (0, "0.1.0", "twin", False)
        calibration = device.calibration()
        seen: list[int] = []
        after = update.install(device, package(), lambda done, _: seen.append(done))
        assert (after.slot, after.version, after.trial, after.floor) == (1, "0.2.0", False, "0.2.0")
        assert seen == sorted(seen)
        assert device.calibration() == calibration
        back = update.restart(device, rollback=True)
        assert (back.slot, back.version) == (0, "0.1.0")
        with pytest.raises(Refused, match="older than what"):
            update.install(device, package("0.1.5"), quiet)


@pytest.mark.parametrize(
    ("core", "kind"), [(b"raises when it starts", IntegrityFailed), (b"hangs when it starts", IntegrityFailed)]
)
def test_an_application_that_fails_is_given_up(core: bytes, kind: type[PodsteamError]) -> None:
    with unit() as device:
        with pytest.raises(kind, match="did not prove itself"):
            update.install(device, package(core=core), quiet)
        after = update.state(device)
        assert (after.slot, after.version, after.trial) == (0, "0.1.0", False)
        # The floor has not moved, so a mended one of the same version is taken.
        assert update.install(device, package(), quiet).version == "0.2.0"


def test_what_is_not_for_this_unit_is_refused() -> None:
    with unit() as device:
        with pytest.raises(UsageProblem, match="for the board 'reference'"):
            update.install(device, package(board="reference"), quiet)
        with pytest.raises(Refused, match="signature"):
            update.install(device, package(key=ec.generate_private_key(ec.SECP256R1())), quiet)
        with pytest.raises(IntegrityFailed, match="not signed"):
            update.install(device, release.build({"podsteam_firmware/core.mpy": b"x"}, "0.2.0", "twin"), quiet)
        with pytest.raises(Refused):
            device.request(w.UpdateRestartRequest(), w.UpdateRestartReply)
        with pytest.raises(Refused):
            device.request(w.UpdateRollbackRequest(), w.UpdateRollbackReply)
        assert update.state(device).version == "0.1.0"
    with Device.open("sim", interpreter="cpython") as device, pytest.raises(UsageProblem, match="no slot"):
        update.install(device, package(), quiet)


def test_never_while_a_session_runs() -> None:
    with unit() as device:
        # The button alone starts the default program.
        device.port.control({"do": "press"})  # type: ignore[attr-defined]
        device.port.clock.sleep(5)
        assert device.status().state == w.StateValue.WARM_UP
        with pytest.raises(Refused) as caught:
            update.send(device, package(), quiet)
        assert caught.value.name == "BUSY_SESSION"
        device.stop()


def test_a_restart_in_the_middle_loses_only_the_file_that_was_on_its_way() -> None:
    class Enough(Exception):
        pass

    def stop(done: int, whole: int) -> None:
        if done > whole * 2 // 3:
            raise Enough

    with unit() as device:
        with pytest.raises(Enough):
            update.send(device, package(), stop)
        device.port.control({"do": "reset"})  # type: ignore[attr-defined]
        device.greet_again()
        asked: list[int] = []
        assert update.install(device, package(), lambda done, _: asked.append(done)).version == "0.2.0"


def test_makers_build_sign_and_check_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, dict[str, Any]]:
        with pytest.raises(SystemExit) as end:
            main([*words, "--json"])
        out = capsys.readouterr()
        return int(end.value.code or 0), json.loads(out.out or "{}")

    private, public, file = (str(tmp_path / name) for name in ("key.pem", "public.pem", "a.update"))
    assert run("release", "keygen", private, public)[0] == 0
    assert run("release", "keygen", private, public)[0] == 2
    status, built = run("release", "build", file)
    assert status == 0
    # Another folder, another time, the same bytes.
    (tmp_path / "elsewhere").mkdir()
    compiled._application.cache_clear()
    again = tmp_path / "elsewhere" / "b.update"
    assert run("release", "build", str(again))[1]["sha256"] == built["sha256"]
    assert run("release", "verify", file, "--key", public)[0] == 30
    assert run("release", "sign", file, "--key", private)[0] == 0
    assert run("release", "verify", file, "--key", public)[0] == 0
    raw = bytearray(Path(file).read_bytes())
    raw[-1] ^= 1
    again.write_bytes(raw)
    assert run("release", "verify", str(again), "--key", public)[0] == 30
    assert run("release", "sign", file, "--key", public)[0] == 2
    assert bench.digest_of(bytes(raw)).hex() == built["manifest_sha256"]
