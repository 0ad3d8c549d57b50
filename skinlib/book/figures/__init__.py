"""The book's figures, one module per chapter; `style` holds the look that they share."""

from skinlib.book.figures.style import not_measured, use_style

__all__ = ["not_measured", "use_style"]
