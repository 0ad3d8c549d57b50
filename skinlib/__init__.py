"""An executable reproduction of Cao et al. (2024), doi:10.12677/csa.2024.145131."""

__version__ = "0.1.0"


class SkinlibError(Exception):
    """Something foreseen went wrong; the message is one sentence with the way out."""
