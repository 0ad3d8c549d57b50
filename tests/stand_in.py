"""Stands in for `skinlib train` where a test is about processes, not about training.

It copies the run FINISHED. Where there is a port IN_USE, the first process in a folder says so
there and waits to be stopped.
"""

import os
import shutil
import socket
import sys
from pathlib import Path

if __name__ == "__main__":
    folder = Path(sys.argv[2])
    if "learning_rate=1e+30" in sys.argv:
        sys.exit("skinlib: the loss was nan")
    if folder.exists() or "IN_USE" not in os.environ:
        shutil.copytree(os.environ["FINISHED"], folder, dirs_exist_ok=True)
        sys.exit()
    folder.mkdir(parents=True)
    with socket.create_connection(("127.0.0.1", int(os.environ["IN_USE"]))) as line:
        line.sendall(b"in use")
        sys.stdin.read()
