# SPDX-License-Identifier: Apache-2.0
"""The serial messages of podsteam: one source for both ends.

`frame` (bytes to bodies and back) and `messages` (ids and layouts, generated) go to the device byte for
byte. `schema` is the data everything is generated from; the device never loads it.
"""
