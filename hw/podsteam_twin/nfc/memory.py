# SPDX-License-Identifier: Apache-2.0
"""Memory of an NTAG213, 215 or 216: pages, lock bits, password protection.

Facts are those of NXP's data sheet NTAG213/215/216, rev. 3.2. Page n is 4 bytes at address 4 n; the last five pages are
DYNLOCK, CFG0, CFG1, PWD and PACK.
"""

from podsteam_protocol.const import const

SIZES = {"NTAG213": 180, "NTAG215": 540, "NTAG216": 924}
"""Bytes of a whole image, by model."""

DEFAULT_UID = b"\x04\x50\x53\x10\x20\x30\x81"

# Per image size: model, CC size byte, GET_VERSION's storage byte, pages of one dynamic lock bit, lock bits.
_MODELS = {
    180: ("NTAG213", 0x12, 0x0F, 2, 12),
    540: ("NTAG215", 0x3E, 0x11, 16, 8),
    924: ("NTAG216", 0x6D, 0x13, 16, 14),
}

# CFG1, byte ACCESS
_PROT = const(0x80)
_CFGLCK = const(0x40)
CNT_EN = const(0x10)
CNT_PROT = const(0x08)
AUTHLIM = const(0x07)


class Memory:
    """The pages of one tag, and what may be read and written. `mem` is the memory itself."""

    def __init__(self, model: str = "NTAG215", uid: bytes = DEFAULT_UID) -> None:
        """A tag as NXP delivers it. `uid` is 7 bytes; ValueError for another length or an unknown model."""
        if model not in SIZES:
            raise ValueError("unknown tag model " + model)
        if len(uid) != 7:
            raise ValueError("a UID has 7 bytes, not " + str(len(uid)))
        self.authenticated = False
        mem = bytearray(SIZES[model])
        self.adopt(mem)
        mem[0:3] = uid[:3]
        mem[3] = 0x88 ^ uid[0] ^ uid[1] ^ uid[2]
        mem[4:8] = uid[3:]
        mem[8] = uid[3] ^ uid[4] ^ uid[5] ^ uid[6]
        mem[9] = 0x48
        mem[12:16] = bytes((0xE1, 0x10, self._cc_size, 0))
        mem[16:24] = b"\x01\x03\xa0\x0c\x34\x03\x00\xfe" if model == "NTAG213" else b"\x03\x00\xfe\0\0\0\0\0"
        at = 4 * self._dynlock
        mem[at : at + 20] = b"\0\0\0\xbd\x04\0\0\xff\0\x05\0\0\xff\xff\xff\xff\0\0\0\0"

    def adopt(self, mem: bytearray) -> None:
        """Take `mem` for the memory; KeyError unless it is one of `SIZES`."""
        self.model, self._cc_size, self._storage, self._grain, self._lock_bits = _MODELS[len(mem)]
        self.mem = mem
        self.pages = len(mem) // 4
        self._dynlock = self.pages - 5

    @property
    def uid(self) -> bytes:
        """The 7 bytes of the UID."""
        return bytes(self.mem[0:3] + self.mem[4:8])

    def uid_ok(self) -> bool:
        """Whether both UID check bytes fit; a tag for which they do not cannot be selected."""
        m = self.mem
        return m[3] == 0x88 ^ m[0] ^ m[1] ^ m[2] and m[8] == m[4] ^ m[5] ^ m[6] ^ m[7]

    def image(self) -> bytes:
        """All pages as they are in memory: password and PACK too, which the air interface reads as zero."""
        return bytes(self.mem)

    def _access(self) -> int:
        """The byte ACCESS of CFG1."""
        return self.mem[4 * self._dynlock + 8]

    def _auth0(self) -> int:
        """The first page that needs the password; behind the last page when none does."""
        return self.pages if self.authenticated else self.mem[4 * self._dynlock + 7]

    def _readable(self) -> int:
        """Pages that may be read, counted from 0."""
        return min(self._auth0(), self.pages) if self._access() & _PROT else self.pages

    def _span(self, page: int, end: int) -> bytes:
        """Pages `page` to `end` - 1, the secret ones as zero."""
        data = bytes(self.mem[4 * page : 4 * end])
        hidden = end - (self.pages - 2)
        if hidden <= 0:
            return data
        shown = max(len(data) - 4 * hidden, 0)
        return data[:shown] + bytes(len(data) - shown)

    def _writable(self, page: int) -> bool:
        """Whether WRITE to `page` is allowed now."""
        if page < 2 or page >= self.pages or page >= self._auth0():
            return False
        mem = self.mem
        if page == 2 or page == self._dynlock:
            return True
        if page < 16:
            return not (mem[10] | mem[11] << 8) >> page & 1
        at = 4 * self._dynlock
        if page < self._dynlock:
            return not (mem[at] | mem[at + 1] << 8) >> (page - 16) // self._grain & 1
        if page <= self._dynlock + 2:
            return not self._access() & _CFGLCK
        return True

    def _burn(self, page: int, data: bytes) -> None:
        """One-way pages: bits only ever go to 1, and none that a block-lock bit has frozen."""
        mem = self.mem
        at = 4 * page
        if page == 3:
            for i in range(4):
                mem[at + i] |= data[i]
        elif page == 2:
            frozen = 0
            for bit, pages in ((1, 0x0008), (2, 0x03F0), (4, 0xFC00)):
                if mem[10] & bit:
                    frozen |= pages
            mem[10] |= data[2] & ~frozen & 0xFF
            mem[11] |= data[3] & ~(frozen >> 8) & 0xFF
        else:
            bits = (data[0] | data[1] << 8) & (1 << self._lock_bits) - 1
            for i in range(self._lock_bits):
                if mem[at + 2] >> i // 2 & 1:
                    bits &= ~(1 << i)
            mem[at] |= bits & 0xFF
            mem[at + 1] |= bits >> 8
            mem[at + 2] |= data[2] & (1 << (self._lock_bits + 1) // 2) - 1
