"""The book: its figures, its verdicts, and how it is built."""
