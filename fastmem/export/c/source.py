"""C source that grows part by part: tables, functions, and what their tables take."""

import numpy as np

from fastmem.export.c.layers import Tables, filled

__all__ = ["Source"]


class Source:
    """Lines of C, with each function written once.

    Attributes
    ----------
    lines : list of str
    nbytes : int
        Of the tables so far.
    stack_bytes : int
        Of the largest local arrays.
    """

    def __init__(self):
        self.lines, self.nbytes, self.stack_bytes = [], 0, 0
        self._functions, self._names = {}, set()

    def table(self, function, name, values, variable):
        """The C expression of the entry of a function's table at a variable, as of `Tables.add`."""
        tables = Tables(function)
        expression = tables.add(name, np.asarray(values), variable)
        self.lines += tables.lines
        self.nbytes += tables.nbytes
        return expression

    def words(self, function, name, values):
        """Write a table of uint64_t, and return its name."""
        tables = Tables(function)
        tables.add_words(name, values)
        self.lines += tables.lines
        self.nbytes += tables.nbytes
        return f"{function}_{name}"

    def write(self, template, **parts):
        """Append a filled template."""
        self.lines += filled(template, **parts)

    def name(self, kind):
        """A name for another function of a kind."""
        number = 1
        while (name := f"{kind}_{number}") in self._names:
            number += 1
        self._names.add(name)
        return name

    def once(self, key, write):
        """The name of a function: that of an equal one, or what ``write()`` returns, which writes it."""
        if key not in self._functions:
            self._functions[key] = write()
        return self._functions[key]
