"""The command `jupyter-book`, in a process that ends when its standard input does.

The input is a pipe of the process that started it, so it never outlives that process.
"""

import os
import sys
import threading

from jupyter_book.cli.main import main


def _wait() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_wait, daemon=True).start()
    main()
