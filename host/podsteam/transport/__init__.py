# SPDX-License-Identifier: Apache-2.0
"""Ways to reach a device: serial ports, sockets, a simulated board. `port` is the interface, `find` the names."""
