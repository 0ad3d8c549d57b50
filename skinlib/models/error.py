"""The error of the networks."""

from skinlib import SkinlibError


class ModelError(SkinlibError, ValueError):
    """A network that cannot be built as asked; the message says what was expected and got."""
