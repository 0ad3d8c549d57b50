"""`python -m skinlib` is the command `skinlib`."""

from skinlib.cli import main

main()
