"""The book's figures, one module per chapter; `style` holds the look that they share."""

from skinlib.book.figures.style import COLOURS, not_measured, use_style

__all__ = ["COLOURS", "not_measured", "use_style"]
