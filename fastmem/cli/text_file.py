"""Bytes of a text table: a file, compressed if its name ends in .gz, or standard input, which can be read once."""

import gzip
import io
import sys
import zlib

from fastmem.errors import InvalidInput

__all__ = ["DAMAGED", "TextFile"]

DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error)
"""What reading a compressed file raises where it is damaged."""


class TextFile:
    """A file that can be opened more than once.

    Parameters
    ----------
    path : pathlib.Path
        ``-`` is standard input, of which all is read here.

    Attributes
    ----------
    path
    size : int
        Number of bytes, as they are stored; 0 for a pipe with a name, which can be read once.
    """

    def __init__(self, path):
        self.path = path
        self._data = sys.stdin.buffer.read() if str(path) == "-" else None
        if self._data is not None:
            self.size = len(self._data)
        else:
            self.size = path.stat().st_size if path.is_file() else 0

    def open(self):
        """A binary file at the first byte, decompressed."""
        if self._data is not None:
            return io.BytesIO(self._data)
        return gzip.open(self.path) if self.path.suffix.lower() == ".gz" else self.path.open("rb")

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
