# SPDX-License-Identifier: Apache-2.0
"""What is connected to a board's pins: the data behind the wiring table of `hw/board/README.md`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """One line of the device: its name in `hal/pins.py`, kind, purpose and wiring."""

    name: str
    kind: str
    """out, in, analog, i2c or uart."""
    what: str
    wiring: str


ROLES: tuple[Role, ...] = (
    Role(
        "SSR",
        "out",
        "element's solid-state relay, high is on",
        "NPN driver (1 kOhm base) that sinks the relay's input from 5 V; 10 kOhm pull-down at the pin",
    ),
    Role(
        "RELAY",
        "out",
        "heartbeat of the safety relay's charge pump",
        "1 kOhm to Q1 of the charge pump; 10 kOhm pull-down at the pin",
    ),
    Role(
        "VALVE",
        "out",
        "podlet valve's driver, high is open",
        "100 Ohm to a logic-level N-MOSFET in the coil's ground line; 10 kOhm pull-down at the gate; "
        "flyback diode with 12 V zener",
    ),
    Role(
        "WALL",
        "analog",
        "boiler wall NTC",
        "divider: 22.0 kOhm 0.1 % to 2.500 V, NTC to ground; 1 kOhm and 100 nF at the pin",
    ),
    Role("WATER", "analog", "water NTC", "as WALL"),
    Role("OUTLET", "analog", "steam outlet NTC", "as WALL"),
    Role(
        "REFERENCE",
        "analog",
        "half of the 2.5 V that feeds the NTCs",
        "2 x 10.0 kOhm 0.1 % across the 2.500 V reference; 100 nF at the pin",
    ),
    Role(
        "MAINS",
        "analog",
        "mains voltage sense, 5 mV per volt effective",
        "output of the voltage sense, clamped to 3.3 V by its own supply; 1 kOhm and 100 nF at the pin",
    ),
    Role(
        "ZERO_CROSS",
        "in",
        "one pulse for each mains half-cycle",
        "collector of the AC-input optocoupler, 10 kOhm to 3.3 V",
    ),
    Role(
        "LOAD",
        "in",
        "one pulse for each half-cycle with element current",
        "output of the current sense's comparator, push-pull or 10 kOhm to 3.3 V",
    ),
    Role("COIL", "in", "high while valve coil current flows", "output of the coil sense's comparator"),
    Role("BUTTON", "in", "start/stop button, to ground", "button to ground through 1 kOhm, 10 kOhm to 3.3 V, 100 nF"),
    Role(
        "BUZZER",
        "out",
        "active buzzer's driver, high sounds",
        "N-MOSFET in the ground line of a 5 V active buzzer; 10 kOhm pull-down",
    ),
    Role("NFC_SDA", "i2c", "reader's data", "PN532 SDA, 4.7 kOhm to 3.3 V"),
    Role("NFC_SCL", "i2c", "reader's clock", "PN532 SCL, 4.7 kOhm to 3.3 V"),
    Role("NFC_IRQ", "in", "reader's interrupt, low while an answer waits", "PN532 P70_IRQ, 10 kOhm to 3.3 V"),
    Role("NFC_RESET", "out", "reader's RSTPD_N, low holds it in reset", "PN532 RSTPD_N"),
    Role("AUX_SDA", "i2c", "expander's and clock's data", "PCF8574 and DS3231 SDA, 4.7 kOhm to 3.3 V"),
    Role("AUX_SCL", "i2c", "expander's and clock's clock", "PCF8574 and DS3231 SCL, 4.7 kOhm to 3.3 V"),
    Role("LINK_TX", "uart", "to the USB bridge", "RXD of the USB bridge (on the devkit)"),
    Role("LINK_RX", "uart", "from the USB bridge", "TXD of the USB bridge (on the devkit)"),
)
