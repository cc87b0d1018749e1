# SPDX-License-Identifier: Apache-2.0
"""A shot in one line: intended, made smaller to what and why, delivered, certain or assumed.

The device tells of a shot in up to four events, one after the other (DOSE_WANTED, DOSE_REDUCED, DOSE_INTENT,
DOSE_RESULT); a person wants to read it as one thing.
"""

from podsteam import words
from podsteam.wire.messages import Event, EventValue

_PARTS = (EventValue.DOSE_WANTED, EventValue.DOSE_REDUCED, EventValue.DOSE_INTENT)


def reasons_of(bits: int) -> tuple[int, ...]:
    """DOSE values of the bits that DOSE_WANTED carries, lowest first."""
    return tuple(i for i in range(31) if bits >> i & 1)


class Shots:
    """Takes a session's events in order, and words those of its shots."""

    def __init__(self) -> None:
        self.wanted_nl = 0
        """Before it was made smaller; 0: it was not."""
        self.reduced: tuple[int, ...] = ()
        """DOSE values: why."""

    def smaller(self) -> tuple[tuple[int, ...], int]:
        """(why it was made smaller, what was wanted, nL); forgets them."""
        found = self.reduced, self.wanted_nl
        self.reduced, self.wanted_nl = (), 0
        return found

    def take(self, event: Event) -> tuple[str, str]:
        """The event as text and how much it matters (`words.level`)."""
        match event.event:
            case EventValue.DOSE_WANTED:
                self.wanted_nl, self.reduced = event.a, reasons_of(event.b)
            case EventValue.DOSE_REDUCED:
                if event.a not in self.reduced:
                    self.reduced += (event.a,)
            case EventValue.DOSE_RESULT:
                reduced, wanted_nl = self.smaller()
                return shot_text(wanted_nl, reduced, event.b, event.a), words.level(event)
            case EventValue.DOSE_REFUSED:
                self.smaller()
            case _:
                pass
        return words.describe(event), "detail" if event.event in _PARTS else words.level(event)


def shot_text(wanted_nl: int, reduced: tuple[int, ...], counted_nl: int, result: int) -> str:
    """A shot that was given: "Dose given: 50.0 µL (80.0 µL wanted, capped: most in one shot)"."""
    text = f"Dose {words.word(words.DOSE, result)}: {words.microlitres(counted_nl)}"
    if not wanted_nl and not reduced:
        return text
    why = ", ".join(words.word(words.DOSE, reason) for reason in reduced)
    wanted = f"{words.microlitres(wanted_nl)} wanted, " if wanted_nl else ""
    return f"{text} ({wanted}capped: {why})"
