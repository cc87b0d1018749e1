# SPDX-License-Identifier: Apache-2.0
"""Tests of a podsteam, on simulated boards or a real one: the pytest plugin and what stands behind its fixtures.

`plugin` is what pytest loads, and it is light; `board` is the fixture, `hands` what acts on the hardware from
outside, `outcome` the closing table and the result file, `figures` the published figures of a run.
"""
