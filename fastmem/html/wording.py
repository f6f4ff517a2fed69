"""Numbers and values as people read them."""

import math

__all__ = ["bytes_text", "number_text", "ratio_text", "shortened"]

_LARGE = 10**15


def number_text(value):
    """A number with commas between thousands; of others the text.

    Examples
    --------
    >>> [number_text(value) for value in (1234567, 0.000123456, 12345.6, None, float("inf"), 10**30)]
    ['1,234,567', '0.0001235', '12,346', '-', '∞', '10^30']
    """
    if value is None or value != value:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if abs(value) == math.inf:
        return "∞" if value > 0 else "-∞"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < _LARGE else f"{'-' if value < 0 else ''}10^{math.log10(abs(value)):.4g}"
    return f"{value:,.0f}" if 1000 <= abs(value) < _LARGE else f"{value:.4g}"


def ratio_text(number, of):
    """How many times one number is as large as another."""
    if not number or not of or of == math.inf:
        return "-"
    return f"{number_text(float(f'{number / of:.3g}'))}×"


def bytes_text(n):
    """A number of bytes in the unit that it is read in.

    Examples
    --------
    >>> [bytes_text(n) for n in (0, 999, 12_345, 3_000_000)]
    ['0 B', '999 B', '12.3 kB', '3 MB']
    """
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n} B"


def shortened(value, longest=40):
    """The text of a value, cut where it is longer."""
    text = str(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"
