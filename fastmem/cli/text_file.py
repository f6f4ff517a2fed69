"""Bytes of a text table: a file, compressed if its name ends in .gz, or what can be read once, as standard input."""

import gzip
import io
import sys
import zlib

from fastmem.errors import InvalidInput

__all__ = ["DAMAGED", "TextFile"]

DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error)
"""What reading a compressed file raises where it is damaged."""


class TextFile:
    """A file that can be opened more than once, also where it is a pipe, of which all is read at once.

    Parameters
    ----------
    path : pathlib.Path
        ``-`` is standard input.

    Attributes
    ----------
    path
    size : int
        Number of bytes, as they are stored.
    """

    def __init__(self, path):
        self.path = path
        self._data = None
        if str(path) == "-":
            self._data = sys.stdin.buffer.read()
        elif not path.is_file():
            self._data = path.read_bytes()
        self.size = path.stat().st_size if self._data is None else len(self._data)

    def open(self):
        """A binary file at the first byte, decompressed."""
        if self.path.suffix.lower() == ".gz":
            return gzip.open(self.path if self._data is None else io.BytesIO(self._data))
        return self.path.open("rb") if self._data is None else io.BytesIO(self._data)

    def text(self):
        """All of it, without a byte order mark.

        Raises
        ------
        InvalidInput
            It is not UTF-8, or cannot be decompressed.
        """
        try:
            with self.open() as file:
                return file.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"{self.path} is not UTF-8 text: save it as UTF-8 ({error})") from error
        except DAMAGED as error:
            raise InvalidInput(f"{self.path} cannot be decompressed: {error}") from error
