"""Pictures of few colours as PNG, the smallest form that every browser shows without loading a file."""

import base64
import struct
import zlib

import numpy as np

__all__ = ["data_address"]


def data_address(picture, palette):
    """A picture as an address that holds all of it.

    Parameters
    ----------
    picture : uint8 array of shape (height, width)
        Numbers of colours; the first row is the upper one.
    palette : uint8 array of shape (colours, 3)
        At most 256: red, green and blue.

    Returns
    -------
    str
        It begins with ``data:image/png;base64,``.
    """
    height, width = picture.shape
    lines = np.zeros((height, width + 1), np.uint8)  # each line begins with 0: written as it is
    lines[:, 1:] = picture
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    content = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def _chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
