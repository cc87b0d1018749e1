# SPDX-License-Identifier: Apache-2.0
"""What ran on which target and why not: the closing table, and the result file of a run on a real board."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from podsteam import __version__

KINDS = ("passed", "failed", "skipped")


class Ledger:
    """One entry for each test with a target: its worst outcome, the reason of a skip or a failure, what it measured
    (pytest's `record_property`)."""

    def __init__(self) -> None:
        self._tests: dict[str, dict[str, Any]] = {}
        self._devices: dict[str, dict[str, Any]] = {}
        self._written = ""

    def take(self, report: pytest.TestReport) -> None:
        """Take the report of a setup, a call or a teardown."""
        properties: dict[str, Any] = dict(report.user_properties)
        target = str(properties["podsteam_target"])
        if device := properties.get("podsteam_device"):
            self._devices[target] = device
        entry = self._tests.setdefault(
            report.nodeid, {"test": report.nodeid, "target": target, "outcome": "", "reason": "", "seconds": 0.0}
        )
        entry["measured"] = {key: value for key, value in properties.items() if not key.startswith("podsteam_")}
        entry["seconds"] = round(entry["seconds"] + report.duration, 3)
        # An expected failure counts as passed, and says so in its reason.
        expected = hasattr(report, "wasxfail") and report.skipped
        outcome = "passed" if expected else report.outcome
        if outcome == "passed" and (report.when != "call" or entry["outcome"]):
            return
        if entry["outcome"] != "failed":
            entry["outcome"] = outcome
            entry["reason"] = f"expected to fail: {report.wasxfail}" if expected else _reason(report)

    def lines(self) -> list[str]:
        """The closing table: a line for each target, and below it each reason for a skip, with its count."""
        lines: list[str] = []
        targets = sorted({entry["target"] for entry in self._tests.values()} - {"none"})
        for target in [*targets, "none"]:
            entries = [entry for entry in self._tests.values() if entry["target"] == target]
            if not entries:
                continue
            counts = Counter(str(entry["outcome"]) for entry in entries)
            shown = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
            name = "nowhere" if target == "none" else target
            lines.append(f"{name}{self._who(target)}: {shown}")
            reasons = Counter(str(entry["reason"]) for entry in entries if entry["outcome"] == "skipped")
            lines += [f"    {count} skipped: {reason}" for reason, count in reasons.most_common()]
        if self._written:
            lines.append(self._written)
        return lines

    def _who(self, target: str) -> str:
        device = self._devices.get(target)
        if device is None:
            return ""
        simulated = " SIMULATED" if device["simulated"] else ""
        return f" ({device['board']} {device['unit']}, firmware {device['firmware_hash']}{simulated})"

    def write(self, folder: Path) -> None:
        """A file for each real board that was reached: <date>-<unit>.json. Tests are named without their target."""
        now = datetime.now(UTC)
        for target, device in self._devices.items():
            if device["simulated"]:
                continue
            tests = [
                {key: entry[key] for key in ("outcome", "reason", "seconds", "measured")}
                | {
                    "test": entry["test"].removesuffix(f"[{target}]"),
                    "reason": entry["reason"].replace(target, "the port"),
                }
                for entry in self._tests.values()
                if entry["target"] == target
            ]
            # The port is the contributor's own business.
            result = {
                "v": 1,
                "date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "podsteam": __version__,
                **{key: value for key, value in device.items() if key not in ("target", "simulated")},
                "tests": sorted(tests, key=lambda test: test["test"]),
            }
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{now.strftime('%Y-%m-%d')}-{device['unit']}.json"
            path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            self._written = f"results of {device['unit']}: {path}"
        if not self._written:
            self._written = "no real board was reached, so there is no result file"


def _reason(report: pytest.TestReport) -> str:
    """Why a test was skipped or has failed, in one line."""
    if report.outcome == "passed":
        return ""
    told = report.longrepr
    if isinstance(told, tuple):
        return str(told[2]).removeprefix("Skipped: ")
    crash = getattr(told, "reprcrash", None)
    text = str(getattr(crash, "message", told))
    return text.splitlines()[0][:200] if text else "no reason"
