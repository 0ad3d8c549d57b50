"""The errors that skinlib foresees: each message is one sentence with the way out."""


class SkinlibError(Exception):
    """Something foreseen went wrong."""


class DataError(SkinlibError):
    """The data cannot be used as they are; the message names the file and the way out."""


class RecordError(SkinlibError):
    """A run on disk is damaged, or is another one than was asked for."""
