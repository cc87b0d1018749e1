# SPDX-License-Identifier: Apache-2.0
"""What is ahead, as the device estimates it: time to steam, steam and water left, scale. None: it cannot tell."""

from dataclasses import dataclass

from podsteam import words
from podsteam.wire.messages import FlagBits, KnownBits, StatusGetReply, Tele


@dataclass(frozen=True, slots=True)
class Outlook:
    """The estimates of one moment. An older device, and an older record, know none of them."""

    to_steam_s: int | None
    steam_left_s: int | None
    """What the water left is good for at the wanted rate."""
    water_g: float | None
    scale_percent: float | None
    """Wall resistance over that of the clean boiler."""
    descale: bool
    """Descale soon."""

    def scale(self) -> str:
        """Scale in words; empty when there is nothing to say."""
        if self.scale_percent is None:
            return "descale soon" if self.descale else ""
        return f"{self.scale_percent:.0f} % over clean" + ("; descale soon" if self.descale else "")

    def water(self) -> str:
        """Water left in words, with the steam that it is good for; empty when it is not known."""
        if self.water_g is None:
            return ""
        left = f", steam for {words.clock(self.steam_left_s)}" if self.steam_left_s is not None else ""
        return f"{self.water_g:.0f} g left{left}"


def outlook(message: Tele | StatusGetReply) -> Outlook:
    """The estimates in a message."""
    known = message.known
    return Outlook(
        to_steam_s=message.to_steam_s if known & KnownBits.TO_STEAM else None,
        steam_left_s=message.steam_left_s if known & KnownBits.STEAM_LEFT else None,
        water_g=message.water_cg / 100 if known & KnownBits.WATER else None,
        scale_percent=message.scale_permille / 10 if known & KnownBits.SCALE else None,
        descale=bool(message.flags & FlagBits.DESCALE),
    )
