# SPDX-License-Identifier: Apache-2.0
"""Pin map of the reference board: a classic ESP32 (WROOM-32) on a 38-pin devkit. Data only.

Not used: 6-11 (flash), the strapping pins 0, 2, 5, 12 and 15. 34-39 can only be inputs and have no pulls.
That leaves 19 pins and the USB bridge's two, all of them taken; signs and switches that need no speed hang on
an I2C expander.

Each line: name = GPIO, direction, what is connected. `hw/board/README.md` has the same table with the wiring;
a test compares the two.
"""

from podsteam_protocol.const import const

# What can heat or dose. Floating at reset, pulled down on the board, and never on a pin that moves by itself
# at start.
SSR = const(26)  # out: element's solid-state relay, high is on
RELAY = const(25)  # out: heartbeat of the safety relay's charge pump
VALVE = const(27)  # out: podlet valve's driver, high is open

# Analog, all on ADC1. 36 and 39 can be pulled low for some 80 ns by the chip itself: right for averages,
# wrong for counts.
WALL = const(36)  # analog: boiler wall NTC
WATER = const(39)  # analog: water NTC
OUTLET = const(34)  # analog: steam outlet NTC
REFERENCE = const(35)  # analog: half of the 2.5 V that feeds the NTCs
MAINS = const(33)  # analog: mains voltage sense, 5 mV per volt effective

# Counted.
ZERO_CROSS = const(18)  # in: one pulse for each mains half-cycle
LOAD = const(19)  # in: one pulse for each half-cycle with element current
COIL = const(23)  # in: high while valve coil current flows

# People.
BUTTON = const(4)  # in: start/stop button, to ground
BUZZER = const(13)  # out: active buzzer's driver, high sounds

# Podlet reader PN532, on a bus of its own. 14 twitches at start: there it only resets the reader.
NFC_SDA = const(21)  # i2c: reader's data
NFC_SCL = const(22)  # i2c: reader's clock
NFC_IRQ = const(16)  # in: reader's interrupt, low while an answer waits
NFC_RESET = const(14)  # out: reader's RSTPD_N, low holds it in reset

# Second bus: expander and clock.
AUX_SDA = const(17)  # i2c: expander's and clock's data
AUX_SCL = const(32)  # i2c: expander's and clock's clock

# USB bridge.
LINK_TX = const(1)  # uart: to the USB bridge
LINK_RX = const(3)  # uart: from the USB bridge

# Addresses on the second bus.
EXPANDER = const(0x20)  # PCF8574, A0-A2 to ground
CLOCK = const(0x68)  # DS3231

# Bits of the expander. Lights and switches connect it to ground: a 0 lights, a 0 is a closed switch.
RED = const(0x01)  # light: red
GREEN = const(0x02)  # light: green
BLUE = const(0x04)  # light: blue
WATER_OK = const(0x10)  # switch: closed while there is water
LATCHED = const(0x20)  # switch: closed while the podlet latch is
UPRIGHT = const(0x40)  # switch: closed while the device stands upright
DRAINED = const(0x80)  # switch: closed while the condensate trap is not full
