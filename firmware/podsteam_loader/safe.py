# SPDX-License-Identifier: Apache-2.0
"""Safe mode: no application, everything off, and a host still gets answers.

HELLO, PING and STOP are answered as ever, and HELLO's bit SAFE_MODE tells. Every other request is refused with the code
SAFE_MODE. After HELLO the last words follow as console text. `HANDLERS` is where further requests plug in.
"""

import struct

from podsteam_loader import VERSION
from podsteam_protocol import frame
from podsteam_protocol import messages as m
from podsteam_protocol.const import const

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from podsteam_loader.verbs import Board

    Handler = Callable[["Safe", int, bytes], bytes]

_TURN_MS = const(100)
_SPEAK_MS = const(200)
"""Text after a HELLO waits so long: until its reply is known, a host takes text for an older conversation's."""
_TICKS = const(0x3FFFFFFF)
_ROUND_MS = const(4000)
_NO_ARG = const(255)
_SPLIT = const(512)
"""Bytes without a zero after which they are taken for text and dropped."""


class Safe:
    """The device's end of the line while nothing else runs. Memory is plenty then, so it is simple."""

    def __init__(self, board: "Board") -> None:
        self.board = board
        self.token = 0
        """Token of the last HELLO, 0: none yet."""
        self._splitter = frame.Splitter(_SPLIT)
        self._raw = bytearray(128)
        self._waiting: "list[bytes]" = []
        self._text: "list[bytes]" = []
        self._text_ms = 0
        self._asked = b""
        self._reply = b""
        self._out_seq = 0
        self._lamps = -1
        board.open_link()

    def turn(self) -> None:
        """One round: feed the watchdog, answer what has arrived, send what waits, sleep until bytes arrive."""
        board = self.board
        board.feed()
        self._show()
        got = board.link_read(self._raw)
        while got:
            for is_frame, body in self._splitter.feed(bytes(self._raw[:got])):
                if is_frame and body[0] < m.EVENT:
                    self._request(board.now_ms(), body)
            got = board.link_read(self._raw)
        if not self._waiting and (board.now_ms() - self._text_ms) & _TICKS >= _SPEAK_MS:
            self._waiting, self._text = self._text, []
        while self._waiting:
            buf = bytearray(self._waiting[0])
            if not board.link_write(buf, len(buf)):
                break
            self._waiting.pop(0)
        board.wait((board.now_ms() + _TURN_MS) & _TICKS)

    def _show(self) -> None:
        """Play the light of safe mode; a turn takes half a step of it at most."""
        step = self.board.now_ms() % _ROUND_MS // m.SIGN_STEP_MS
        lamps = m.SIGN_SAFE_MODE >> m.SIGN_STEPS if m.SIGN_SAFE_MODE >> step & 1 else 0
        if lamps != self._lamps:
            self._lamps = lamps
            self.board.light(lamps)

    def console(self, now_ms: int, text: bytes) -> None:
        """Queue text for the host in place of what is queued, in as many frames as it takes."""
        self._text = []
        self._text_ms = now_ms
        for at in range(0, len(text), frame.MAX_BODY - 2):
            self._text.append(frame.encode(m.CONSOLE, self._out_seq, text[at : at + frame.MAX_BODY - 2]))
            self._out_seq = (self._out_seq + 1) & 0xFF

    def _request(self, now_ms: int, body: bytes) -> None:
        """Answer a request; the reply is kept, and a repeated request gets it again."""
        if body != self._asked:
            self._asked = body
            boot = struct.pack("<I", self.board.boot_id)
            size, handler = HANDLERS.get(body[0], (0, None))
            if handler is None:
                kind, fields = m.ERROR | m.REPLY, _error(body[0], m.CODE_SAFE_MODE)
            elif len(body) - 2 < size:
                kind, fields = m.ERROR | m.REPLY, _error(body[0], m.CODE_MALFORMED)
            else:
                kind, fields = body[0] | m.REPLY, handler(self, now_ms, body[2:])
            self._reply = frame.encode(kind, body[1], boot + fields)
        if self._reply not in self._waiting:
            self._waiting.append(self._reply)


def _error(kind: int, code: int) -> bytes:
    return struct.pack(m.ERROR_REP, kind, code, _NO_ARG, 0)


def _hello(safe: Safe, now_ms: int, payload: bytes) -> bytes:
    board = safe.board
    safe.token = struct.unpack("<I", payload[:4])[0]
    safe.console(
        now_ms, b"Safe mode: no application could be started. Last words:\n" + (board.last_words() or b"none\n")
    )
    return (
        struct.pack("<BBI6s", m.MAJOR, m.MINOR, m.SCHEMA_HASH, board.uid)
        + struct.pack("<BBBB", VERSION[0], VERSION[1], VERSION[2], board.reset_cause)
        + struct.pack("<IIHH", board.caps | m.CAP_SAFE_MODE, now_ms, board.rx_window, board.speed)
    )


def _ping(safe: Safe, now_ms: int, payload: bytes) -> bytes:
    return payload[:4] + struct.pack("<II", now_ms, safe.board.now_ms())


def _stop(safe: Safe, now_ms: int, payload: bytes) -> bytes:
    return bytes((m.STATE_IDLE,))


HANDLERS: "dict[int, tuple[int, Handler]]" = {
    m.HELLO: (6, _hello),
    m.PING: (4, _ping),
    m.STOP: (0, _stop),
}
"""Request id to (least payload in bytes, handler): `f(safe, now_ms, payload) -> fields of the reply`."""
