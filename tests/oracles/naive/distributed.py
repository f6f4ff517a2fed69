"""Partitions and ranges of codes."""


def hash_code(code):
    """A bijection of 64 bits."""
    code = code * 0x9E3779B97F4A7C15 % 2**64
    code ^= code >> 32
    code = code * 0xD6E8FEB86659FD93 % 2**64
    return code ^ code >> 32


def range_of(code, bounds):
    """The last range that does not begin above the code."""
    return max(s for s, bound in enumerate(bounds) if bound <= code)


def xor_of_columns(bits, columns):
    """XOR of the columns whose bit is 1."""
    image = 0
    for j, column in enumerate(columns):
        image ^= column * (bits >> j & 1)
    return image


def open_codes(pairs):
    """Codes of which there are pairs with two classes, in order."""
    classes = {}
    for code, of in pairs:
        classes.setdefault(code, set()).add(of)
    return sorted(code for code, of in classes.items() if len(of) > 1)
