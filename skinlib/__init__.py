"""An executable reproduction of Cao et al. (2024), doi:10.12677/csa.2024.145131."""

from skinlib.errors import SkinlibError

__all__ = ["SkinlibError"]
__version__ = "0.1.0"
