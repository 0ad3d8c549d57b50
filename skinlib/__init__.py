"""An executable reproduction of Cao et al. (2024), doi:10.12677/csa.2024.145131."""

__version__ = "0.2.0"
