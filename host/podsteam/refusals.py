# SPDX-License-Identifier: Apache-2.0
"""What a device's ERROR reply means for the user: the exception with its sentence."""

import dataclasses

from podsteam.errors import ButtonNotPressed, IntegrityFailed, PodsteamError, Refused, SafetyLatched, WrongVersion
from podsteam.wire import messages as m
from podsteam.wire.base import Message

_NO_ARG = 255
_LAYOUTS: dict[type[Message], type[Message]] = {
    m.ProgramPutRequest: m.Program,
    m.CalSetRequest: m.Calibration,
    m.ConfigSetRequest: m.Config,
}
"""Requests that carry a structure, whose fields are counted."""
_NEEDS = (
    (m.FlagBits.WATER_OK, "there is no water"),
    (m.FlagBits.UPRIGHT, "it is tilted"),
    (m.FlagBits.MAINS_OK, "there is no mains voltage"),
    (m.FlagBits.LATCH_CLOSED, "the latch is open"),
)
_IN_THE_WAY = (
    (m.FlagBits.UNDRAINED, "the condensate trap is full"),
    (m.FlagBits.OUTLET_HOT, "the outlet is too hot"),
    (m.FlagBits.REST, "it heated for long and has to rest for a minute"),
)


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def sentence(code: int) -> str:
    """A code as part of a sentence: name, what happened, what the device did, what to do."""
    known = m.CODES.get(code)
    if known is None:
        return f"code {code}, which this host tool does not know"
    did = f"{_lower(known.did)}; " if known.did != "The request was refused." else ""
    return f"{_lower(known.happened)} ({known.name}); {did}{_lower(known.todo)}"


def refusal(error: m.ErrorReply, message: Message) -> PodsteamError:
    """The exception for a refused request."""
    known = m.CODES.get(error.code)
    name = known.name if known else ""
    text = f"The device refused: {sentence(error.code)}{_field(error, message)}."
    if name == "UNKNOWN_MESSAGE":
        return WrongVersion(text)
    if name == "CORRUPT":
        return IntegrityFailed(text)
    kind = {"SAFETY_LATCHED": SafetyLatched, "NEED_BUTTON": ButtonNotPressed}.get(name, Refused)
    return kind(text, error.code, name, error.arg, error.detail)


def not_ready(refused: Refused, flags: int) -> Refused:
    """The same refusal with what is missing, as far as the state's flags tell."""
    missing = [text for flag, text in _NEEDS if not flags & flag]
    missing += [text for flag, text in _IN_THE_WAY if flags & flag]
    if not missing:
        return refused
    text = f"The device is not ready: {' and '.join(missing)}."
    return Refused(text, refused.code, refused.name, refused.arg, refused.detail)


def _field(error: m.ErrorReply, message: Message) -> str:
    """Which value of the request is at fault."""
    if error.arg == _NO_ARG:
        return ""
    layout = _LAYOUTS.get(type(message), type(message))
    fields = dataclasses.fields(layout)  # type: ignore[arg-type]
    return f" [{fields[error.arg].name}]" if error.arg < len(fields) else ""
