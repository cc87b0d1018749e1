# SPDX-License-Identifier: Apache-2.0
"""The `podsteam` command: a file for each topic, thin over the library.

Commands return data (`answer.Answer` or `answer.Stream`), and `output` alone prints it. Nothing but click is imported
before a command is known.
"""
