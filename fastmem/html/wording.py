"""Numbers and values as people read them."""

import math
import re

__all__ = ["bytes_text", "number_text", "ratio_text", "shortened", "visible"]

_LARGE, _BEYOND_FLOATS = 10**15, 10**300
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def number_text(value, digits=4):
    """A number with commas between thousands, of what is no integer so many digits; of others the text.

    Examples
    --------
    >>> [number_text(value) for value in (1234567, 0.000123456, 999.96, 12345.6, None, float("inf"), 10**30)]
    ['1,234,567', '0.0001235', '1,000', '12,346', '-', '∞', '10³⁰']
    """
    if value is None or value != value:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if abs(value) == math.inf:
        return "∞" if value > 0 else "-∞"
    if isinstance(value, int) and abs(value) < _LARGE:
        return f"{value:,}"
    if not isinstance(value, int) and 1000 <= abs(float(f"{value:.{digits}g}")) < _LARGE:
        return f"{value:,.0f}"
    return _short(value, digits)


def _short(value, digits):
    """A few digits, and a power of ten where the number is large or small."""
    if isinstance(value, int) and abs(value) >= _BEYOND_FLOATS:
        return f"{'-' if value < 0 else ''}10{_raised(f'{math.log10(abs(value)):.0f}')}"
    mantissa, _, power = f"{value:.{digits}g}".partition("e")
    if not power:
        return mantissa
    return f"{'' if mantissa == '1' else mantissa + '·'}10{_raised(str(int(power)))}"


def _raised(power):
    return power.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def ratio_text(number, of):
    """How many times one number is as large as another."""
    if not number or not of or of == math.inf:
        return "-"
    return f"{number_text(float(f'{number / of:.3g}'))}×"


def bytes_text(n):
    """A number of bytes in the unit that it is read in.

    Examples
    --------
    >>> [bytes_text(n) for n in (0, 999, 12_345, 999_499, 999_500, 3_000_000)]
    ['0 B', '999 B', '12.3 kB', '999 kB', '1 MB', '3 MB']
    """
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= 0.9995 * size:  # from which on three digits are 1
            return f"{n / size:.3g} {unit}"
    return f"{n} B"


def shortened(value, longest=40):
    """The text of a value, all of it visible, cut where it is longer."""
    text = visible(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def visible(value):
    r"""The text of a value; characters that show nothing, or turn the order of others, are escaped as Python does.

    Examples
    --------
    >>> print(visible("zero: \0"))
    zero: \x00
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), str(value))
