# SPDX-License-Identifier: Apache-2.0
"""Klipper's own heater code on lines of JSON: started by `peers.klipper` in a process of its own, for measurement only.

    python klipper_child.py FOLDER      FOLDER holds the unpacked package `klippy`

One heater with the smallest stub of its printer that lets it run. Lines in: {"tune": target}, {"gains": [kp, ki, kd],
"target": t}, {"s": time, "c": reading}. To each reading the answer is {"duty": part of full power, "gains": ...};
`gains` are those of the finished calibration, in Klipper's own units (output 0 to 255).
"""

import importlib
import json
import sys
from typing import Any

VALUES = {
    "min_temp": 0.0,
    "max_temp": 140.0,
    "max_power": 1.0,
    "smooth_time": 1.0,
    "pwm_cycle_time": 0.1,
    "min_extrude_temp": 0.0,
}
REPORT_S = 0.3


class Stub:
    """Stands for printer, pins, G-code, configuration and pin: every other method of them does nothing."""

    error = ValueError

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.duty = 0.0

    def __getattr__(self, name: str) -> Any:
        return lambda *_args, **_named: self

    def get_name(self) -> str:
        return "heater"

    def get_start_args(self) -> dict[str, Any]:
        return {}

    def getfloat(self, name: str, default: float = 0.0, **_bounds: Any) -> float:
        return self.values.get(name, default)

    def getchoice(self, name: str, choices: dict[str, Any], *_default: Any) -> Any:
        return choices["pid"]

    def get_report_time_delta(self) -> float:
        return REPORT_S

    def set_pwm(self, _s: float, duty: float) -> None:
        self.duty = duty


def main(folder: str) -> None:
    """Answer lines until the input ends."""
    sys.path.insert(0, folder)
    heaters: Any = importlib.import_module("klippy.extras.heaters")
    calibrating: Any = importlib.import_module("klippy.extras.pid_calibrate")
    pin = heater = tune = None
    for line in sys.stdin:
        asked = json.loads(line)
        if "s" not in asked:
            kp, ki, kd = asked.get("gains", (1.0, 0.1, 1.0))
            pin = Stub({**VALUES, "pid_Kp": kp, "pid_Ki": ki, "pid_Kd": kd})
            heater = heaters.Heater(pin, pin)
            tune = None
            if "tune" in asked:
                tune = calibrating.ControlAutoTune(heater, asked["tune"])
                heater.set_control(tune)
            heater.set_temp(asked.get("tune") or asked["target"])
            continue
        assert pin and heater
        heater.temperature_callback(asked["s"], asked["c"])
        done = tune is not None and not tune.check_busy(0.0, 0.0, 0.0)
        print(json.dumps({"duty": pin.duty, "gains": tune.calc_final_pid() if done else None}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
