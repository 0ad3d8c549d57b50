"""The command `jupyter-book`, in a process that ends when the one that started it does."""

from jupyter_book.cli.main import main

from skinlib.cli import stop_with_input

if __name__ == "__main__":
    stop_with_input()
    main()
