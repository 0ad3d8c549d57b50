"""What skinlib foresees; each message is one sentence that names the way out."""

from pydantic import ValidationError


class SkinlibError(Exception):
    """Something foreseen went wrong; the message is one sentence with the way out."""


class DataError(SkinlibError):
    """Data that cannot be used; the message names the file or the value."""


class RecordError(SkinlibError):
    """A run on disk that cannot be read, or would be overwritten; names its folder."""


def in_words(error: BaseException) -> str:
    """What an error says, in one line; of pydantic's: 'beta: Input should be ..., got 5'."""
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split()) or type(error).__name__
    found = []
    for fault in error.errors():
        place = ".".join(str(step) for step in fault["loc"])
        said = fault["msg"].removeprefix("Value error, ")
        got = "" if fault["type"] == "value_error" else f", got {fault['input']!r:.80}"
        found.append(f"{place}: {said}{got}" if place else f"{said}{got}")
    return "; ".join(found)
