"""``python -m fastmem`` is the command ``fastmem``."""

from fastmem.cli import main

if __name__ == "__main__":
    main()
