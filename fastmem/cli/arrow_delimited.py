"""Large text tables, read by pyarrow: the answers of `fastmem.cli.delimited`, in a small part of the time.

pyarrow's reader takes what the csv module and float take, and more, and words errors in its own way. So nothing is
read here of which the two might think differently, and nothing is refused: `NotPlain` leaves the whole file to
`DelimitedTable`, which reads it or says what is wrong. What is left for pyarrow is plain: every number finite and
below 2^53, every line of the same width, every quote around a whole cell of one line.

What separates columns and what the first line is are decided by the rules of `DelimitedTable` on the first lines. Where
these rules ask about all lines, the answer is held against them while the file is read, block by block.
"""

import contextlib
import importlib

import numpy as np

from fastmem.cli.delimited import BOOLEANS, LOOKED_AT, DelimitedTable
from fastmem.cli.growing import GrowingPoints
from fastmem.cli.text_file import DAMAGED
from fastmem.data.arrays import LARGEST_INTEGER

__all__ = ["ArrowDelimitedTable", "NotPlain", "is_possible"]

_HEAD = LOOKED_AT + 28  # lines on which rules are tried, some of them names or empty
_BLOCK = 2**20  # bytes read at a time: pyarrow is as fast with four times as many, and slower with less
_LARGEST_BLOCK = 2**27  # where a line is long, a block has more, so that columns do not cost more than numbers
_LONGEST_CELL = 2**17 - 1  # csv.field_size_limit(), beyond which a cell is an error
_MARK = b"\xef\xbb\xbf"  # a byte order mark


class NotPlain(Exception):
    """A table that is left to `DelimitedTable`."""


class ArrowDelimitedTable(DelimitedTable):
    """A text table, with the attributes of `DelimitedTable` and its answers, unless `NotPlain` is raised.

    Parameters
    ----------
    file : TextFile
    options : TableOptions
    on_disk : bool
        Many points are kept in a temporary file, memory-mapped.
    """

    def __init__(self, file, options, on_disk=False):
        self.path, self.file, self._on_disk = file.path, file, on_disk
        with _leaving(), file.open() as opened:
            first = next(_blocks(opened), b"")
        lines = first.split(b"\n", _HEAD)
        with _leaving():
            head = b"\n".join([*lines[:_HEAD], b""] if len(lines) > _HEAD else lines).decode()
        self._look_at(head, options)
        separator = self.separator
        _need(separator == "\t" or (separator.isascii() and separator.isprintable()))
        _need(len(self._rows) > LOOKED_AT or len(lines) <= _HEAD)
        self._over_numbers = None
        if options.header is None and self.header is not None:  # it is one since names stand over numbers
            body = [row.cells for row in self._rows]
            columns = range(self.width)
            self._over_numbers = [k for k in columns if self._stands_over_numbers(self.header[k], k, body)]

    # Rules that ask about all lines

    def _delimiter(self, text):
        # Without quotes, what is no table in its first lines is none.
        _need('"' not in text or len(self._separators(text)) < 2)
        return super()._delimiter(text)

    def _names(self, header, are_chosen):
        _need(header is None or len(header) != self.width - 1)
        return super()._names(header, are_chosen)

    def _unnamed_index(self, header):
        found = super()._unnamed_index(header)
        _need(not found or self._rows[0].cells[0] in ("0", "1"))  # it counts
        return found

    # Values

    def read(self, columns, label=None):
        """As `DelimitedTable.read`; many points are an array in a file, if they may be."""
        _need(label not in self.row_names)
        reader, labels, done = _BlockReader(self, columns, label), [], 0
        with GrowingPoints(len(columns), self._on_disk) as points, _leaving(), self.file.open() as opened:
            for i, block in enumerate(_blocks(opened)):
                self._check(block)
                done += len(block)
                body = block if i else self._body(block)
                _need(not body.startswith(_MARK))  # which pyarrow would drop; the one of the file is gone
                if body.strip(b"\r\n"):
                    X, y = reader.read(body, points.n)
                    points.add(X, expected=int((points.n + len(X)) * self.file.size / done * 1.01))
                    labels += y
            _need(points.n)
            return points.array(), None if label is None else labels

    def _body(self, block):
        """What follows the names."""
        if self.header is None:
            return block
        block = block.lstrip(b"\r\n")
        return block[block.index(b"\n") + 1 :]

    def _check(self, block):
        """Leave a block in which the readers may see other cells."""
        _need(b"\0" not in block)
        _need(b"\r" not in block or block.count(b"\r") == block.count(b"\r\n"))
        if not block.isascii():
            block.decode()
        has_quotes = b'"' in block
        if has_quotes:
            _need(_quotes_are_plain(np.frombuffer(block, np.uint8), ord(self.separator)))
        half = (_LONGEST_CELL + 1) // 2  # a longer line covers one of these stretches
        if any(block.find(b"\n", i, i + half) < 0 for i in range(0, len(block) - half, half)):
            _need(not has_quotes and _longest_cell(block, ord(self.separator)) <= _LONGEST_CELL)


class _BlockReader:
    """Points and labels of one block after the other, as the columns of a table are meant."""

    def __init__(self, table, columns, label):
        self._table, self._columns, self._label = table, columns, label
        first = table._rows[0].cells
        self._booleans = {k for k in columns if first[k].strip().lower() in BOOLEANS}
        self._numbers = [k for k in columns if k not in self._booleans]
        self._label_is_number = False  # for a name over numbers, one proof is enough
        self._proof = None
        over_numbers = table._over_numbers
        if over_numbers is not None and not set(over_numbers) & set(self._numbers):
            self._label_is_number = label in over_numbers
            self._proof = None if self._label_is_number else over_numbers[0]
        self._counter = next(iter(table.row_names), None)
        self._counts_from = int(first[self._counter]) if self._counter is not None else 0
        self._options = self._arrow_options()

    def _arrow_options(self):
        arrow = _pyarrow()
        texts = arrow.dictionary(arrow.int32(), arrow.string())
        kinds = dict.fromkeys(self._numbers, arrow.float64()) | dict.fromkeys(self._booleans, texts)
        if self._label is not None:
            kinds[self._label] = texts
        if self._proof is not None:
            kinds[self._proof] = arrow.float64()
        if self._counter is not None:
            kinds[self._counter] = arrow.string()
        kinds = {str(column): kind for column, kind in kinds.items()}
        return {
            "parse_options": arrow.csv.ParseOptions(delimiter=self._table.separator),
            "convert_options": arrow.csv.ConvertOptions(
                column_types=kinds, include_columns=list(kinds), null_values=[], decimal_point=self._table.decimal
            ),
        }

    def read(self, block, start):
        """Points and labels of the lines of a block, whose first is that of point number `start`."""
        arrow = _pyarrow()
        names = [str(column) for column in range(self._table.width)]
        one_block = arrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1)
        rows = arrow.csv.read_csv(arrow.BufferReader(block), read_options=one_block, **self._options)
        if self._counter is not None:
            counted = range(self._counts_from + start, self._counts_from + start + rows.num_rows)
            _need(rows.column(str(self._counter)).to_pylist() == list(map(str, counted)))
        if self._proof is not None:
            _need(_are_plain(rows.column(str(self._proof)).to_numpy()))
        X = np.empty((rows.num_rows, len(self._columns)))
        for k, column in enumerate(self._columns):
            values = rows.column(str(column))
            X[:, k] = _as_booleans(values) if column in self._booleans else values.to_numpy()
        _need(_are_plain(X))
        return X, [] if self._label is None else self._labels(rows.column(str(self._label)))

    def _labels(self, texts):
        different, indices = _dictionary(texts)
        _need(all(text.strip() for text in different))
        _need(not self._label_is_number or all(map(self._table._is_number, different)))
        return np.array([*different, None], object)[indices].tolist()


def _are_plain(numbers):
    """Whether all are finite and no integer among them can have been rounded."""
    return numbers.size == 0 or (numbers.max() < LARGEST_INTEGER and numbers.min() > -LARGEST_INTEGER)


def _as_booleans(texts):
    different, indices = _dictionary(texts)
    values = [BOOLEANS.get(text.strip().lower()) for text in different]
    _need(None not in values)
    return np.array(values)[indices]


def _dictionary(texts):
    """Different texts of a column, and of each row the number of its text."""
    _need(texts.num_chunks == 1 and texts.null_count == 0)
    return texts.chunk(0).dictionary.to_pylist(), texts.chunk(0).indices.to_numpy()


def _quotes_are_plain(text, separator):
    """Whether quotes come in pairs on one line, each around all of a cell and with none inside."""
    quotes, line_ends = np.flatnonzero(text == ord('"')), np.flatnonzero(text == ord("\n"))
    if len(quotes) % 2 or np.any(np.searchsorted(quotes, line_ends) % 2):
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before, behind = text[opening[opening > 0] - 1], text[closing[closing < len(text) - 1] + 1]
    starts = (before == separator) | (before == ord("\n"))
    return bool(np.all(starts) and np.all((behind == separator) | (behind == ord("\n")) | (behind == ord("\r"))))


def _longest_cell(block, separator):
    text = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero((text == separator) | (text == ord("\n")))
    return int(np.diff(ends, prepend=-1, append=len(text)).max()) - 1


def _blocks(opened):
    """Blocks of whole lines, without a byte order mark; the first has as many as rules are tried on."""
    block = opened.read(len(_MARK)).removeprefix(_MARK) + _lines(opened, _BLOCK)
    while block.count(b"\n") <= _HEAD and (more := _lines(opened, _BLOCK)):
        block += more
        _need(len(block) < _LARGEST_BLOCK)
    size = max(len(block), _BLOCK)
    while block:
        yield block
        block = _lines(opened, size)


def _lines(opened, size):
    begun, rest = opened.read(size), opened.readline(_LARGEST_BLOCK)
    _need(len(rest) < _LARGEST_BLOCK)
    return begun + rest


@contextlib.contextmanager
def _leaving():
    """Context in which what a reader raises on a file leaves it to another one."""
    try:
        yield
    except MemoryError:
        raise
    except (UnicodeDecodeError, *DAMAGED) as error:
        raise NotPlain from error
    except Exception as error:
        if isinstance(error, _pyarrow().ArrowException):
            raise NotPlain from error
        raise


def _need(is_plain):
    if not is_plain:
        raise NotPlain


def is_possible():
    """Whether there is pyarrow."""
    return _pyarrow() is not None


def _pyarrow():
    try:
        importlib.import_module("pyarrow.csv")
    except ImportError:
        return None
    return importlib.import_module("pyarrow")
