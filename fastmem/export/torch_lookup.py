"""PyTorch: the shortcut of a network (`fastmem.export.lookup`) as a module of tables, for the targets of `.torch`.

A module for each part of the plan, each written from what the part's `read` says. There is one way through them for
every row: no branch on data, and later stages are evaluated for all rows, so that a compiler can fuse the steps.

PyTorch has no arithmetic of unsigned 64-bit integers: codes, of at most 62 bits, are the same numbers as int64, and
words of cells, features and hashes the same bits. ``>>`` of a negative number repeats its sign, which is masked off
where it matters. The first layer alone is floating point, as in `fastmem.export.torch`, and its guard is the same.
"""

import numpy as np

from fastmem.data.as_points import as_points
from fastmem.errors import MarginTooSmall
from fastmem.export.guard import check_arithmetic, output_values, rows_named
from fastmem.export.lookup import (
    Binary,
    Canonical,
    Constant,
    Filtered,
    Hash,
    Lifts,
    Mapped,
    Plain,
    Runs,
    Staged,
    plan_of,
)
from fastmem.export.torch import PointsModule, label_tensor, signs_module
from fastmem.machine.partners import missing

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing("to_torch", "PyTorch", "torch") from error

__all__ = ["LookupModule", "RecognisingLookupModule", "module"]

_KINDS = "biufc"


def module(network, dtype, output, X, unsafe):
    """The module that `Network.to_torch` returns for form="lookup"."""
    values = output_values(network, output, _KINDS, "PyTorch")
    plan = plan_of(network)
    dtype = check_arithmetic(network, dtype, X, unsafe)
    if plan.known is not None and isinstance(plan.known.signs, Hash) and dtype == "float32" and not unsafe:
        _need_whole_numbers(network, plan.known.signs.columns, X)
    labels = label_tensor(values, len(network.classes))
    if plan.known is None:
        return LookupModule(plan, network, labels, dtype)
    return RecognisingLookupModule(plan, network, labels, dtype)


def _need_whole_numbers(network, columns, X):
    """Raise `MarginTooSmall` where rows have numbers, in the columns by which they are known, that float32 rounds."""
    rows = []
    if X is None:
        if network.known_fits_float32:
            return
        who = "memorized points"
    else:
        points = as_points(X, network.n_features_in, names=network.feature_names)
        columns = slice(None) if columns is None else columns

        def work(start, stop, block):
            with np.errstate(over="ignore", under="ignore"):
                rounded = block.astype(np.float32)
            rows.extend((start + np.flatnonzero((rounded != block)[:, columns].any(axis=1))).tolist())

        points.over_rows(work, 1)
        if not rows:
            return
        who = rows_named(rows, points.n)
    raise MarginTooSmall(
        f"in float32 arithmetic {who} would not be known: rows are known by all digits of their numbers; use "
        'dtype="float64", or go on with unsafe=True',
        rows,
    )


# Tables


def _words(array):
    """Unsigned words, bit by bit, as int64."""
    return torch.from_numpy(np.array(array, np.uint64).view(np.int64))


def _numbers(array):
    """Integers of any dtype as int64."""
    return torch.from_numpy(np.array(array, np.int64))


def _narrow(array):
    """Integers in the shortest dtype that holds them and by which PyTorch indexes."""
    array = np.array(array, np.int64)
    for dtype in (np.uint8, np.int16, np.int32):
        if array.size == 0 or (np.iinfo(dtype).min <= array.min() and array.max() <= np.iinfo(dtype).max):
            return torch.from_numpy(array.astype(dtype))
    return torch.from_numpy(array)


# From points to codes


class _Bits(nn.Module):
    """Signs to a number: sign j is bit j."""

    def __init__(self, code):
        super().__init__()
        self.register_buffer("places", _numbers(np.arange(code.n_bits)))

    def forward(self, signs: Tensor) -> Tensor:
        return (signs.to(torch.int64) << self.places).sum(dim=1)


class _LinearCode(_Bits):
    """Signs to a number each of whose bits is a parity of some of them.

    Counts of signs are sums of zeros and ones, so exact in any float dtype that holds them: fewer than 2^24.
    """

    def __init__(self, code, dtype):
        super().__init__(code)
        bits = code.columns[:, None] >> np.arange(code.n_bits, dtype=np.uint64) & np.uint64(1)
        self.register_buffer("columns", torch.from_numpy(bits.astype(dtype)))

    def forward(self, signs: Tensor) -> Tensor:
        counts = torch.matmul(signs.to(self.columns.dtype), self.columns)
        return ((counts.to(torch.int64) & 1) << self.places).sum(dim=1)


class _SignsCode(nn.Module):
    """Points to codes, by signs of hyperplanes."""

    def __init__(self, signs, code, dtype):
        super().__init__()
        self.signs = signs_module(signs.hyperplanes, signs.columns, dtype)
        self.code = _Bits(code) if code.is_identity else _LinearCode(code, dtype)

    def forward(self, X: Tensor) -> Tensor:
        return self.code(self.signs(X))


class _Hash(nn.Module):
    """Points to hashes of their numbers."""

    def __init__(self, part, n_features):
        super().__init__()
        columns = np.arange(n_features) if part.columns is None else part.columns
        self.register_buffer("columns", _numbers(columns))
        places = np.arange(1, len(columns) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        self.register_buffer("places", _words(places))

    def forward(self, X: Tensor) -> Tensor:
        numbers = X.index_select(1, self.columns).to(torch.float64)
        bits = torch.view_copy(numbers, dtype=torch.int64)  # scripts know no view as another dtype
        # In place of + 0.0, which compilers take for nothing: -0 has the sign bit alone, and loses it by doubling.
        bits = torch.where((bits << 1) == 0, torch.zeros_like(bits), bits)
        return _shifted(_mixed(_mixed(bits + self.places).sum(dim=1)), 2)


def _shifted(words: Tensor, places: int) -> Tensor:
    """Unsigned words shifted down, zeros coming in."""
    return (words >> places) & ((1 << (64 - places)) - 1)


def _mixed(h: Tensor) -> Tensor:
    """`fastmem.export.lookup.mixed`, with products modulo 2^64; the factors are those there less 2^64."""
    h = (h ^ _shifted(h, 33)) * -0xAE502812AA7333
    h = (h ^ _shifted(h, 33)) * -0x3B314601E57A13AD
    return h ^ _shifted(h, 33)


# From codes to classes


class _Search(nn.Module):
    """Which of r ascending ranges holds a code."""

    def __init__(self, search):
        super().__init__()
        self.shift = search.shift
        self.last = len(search.starts) - 1
        self.n_halvings = search.n_halvings
        self.register_buffer("starts", _narrow(search.starts))
        self.register_buffer("index", _narrow(search.index))

    def forward(self, codes: Tensor) -> Tensor:
        prefix = codes >> self.shift
        low = self.index.index_select(0, prefix).to(torch.int64)
        width = self.index.index_select(0, prefix + 1).to(torch.int64) - low + 1
        for _ in range(self.n_halvings):
            half = width >> 1
            middle = low + half
            is_above = self.starts.index_select(0, middle.clamp(max=self.last)) > codes
            low = torch.where(is_above, low, middle)
            width = width - half
        return low


class _Constant(nn.Module):
    """One class, or symbol, whatever the code."""

    def __init__(self, part):
        super().__init__()
        self.value = part.value

    def forward(self, codes: Tensor, features: Tensor | None = None) -> Tensor:
        return torch.zeros_like(codes) + self.value


class _Runs(nn.Module):
    """A class for each range of codes."""

    def __init__(self, part):
        super().__init__()
        self.search = _Search(part.search)
        self.register_buffer("classes", _narrow(part.classes))

    def forward(self, codes: Tensor) -> Tensor:
        return self.classes.index_select(0, self.search(codes)).to(torch.int64)


class _Lifts(nn.Module):
    """Blocks of codes, each with a weight for each value of three segments of bits."""

    def __init__(self, part):
        super().__init__()
        self.search = _Search(part.search)
        self.segment_bits = part.segment_bits
        self.last = part.n_classes - 1
        self.n_values = part.weights.shape[1]
        self.register_buffer("weights", _narrow(part.weights.reshape(-1, part.weights.shape[2])))
        self.register_buffer("places", _numbers(np.arange(part.weights.shape[2])))

    def forward(self, codes: Tensor) -> Tensor:
        first = self.search(codes) * self.n_values
        a, mask = self.segment_bits, (1 << self.segment_bits) - 1
        totals = torch.zeros_like(self.places)
        for segment in range(3):
            value = (codes >> (segment * a)) & mask
            place = first + (segment << a) + value
            totals = totals + self.weights.index_select(0, place).to(torch.int64)
        bits = (totals >= 1).to(torch.int64) << self.places
        return bits.sum(dim=1).clamp(max=self.last)


class _Features(nn.Module):
    """64 threshold features of a code, as the bits of a word.

    Their counts are below 128, so that eight of them are the bytes of a word, and are added at once. The count of
    feature t is byte t // 8 of word t % 8: bit 6 of each byte is only to be shifted to bit t % 8.
    """

    def __init__(self, part):
        super().__init__()
        self.shifts = part.shifts.tolist()
        self.register_buffer("counts", _words(_counts_in_bytes(part).reshape(-1, 8)))
        self.register_buffer("places", _numbers(np.arange(8)))

    def forward(self, codes: Tensor) -> Tensor:
        counts = self.counts.index_select(0, (codes >> self.shifts[0]) & 15)
        for i, shift in enumerate(self.shifts):
            if i > 0:
                counts = counts + self.counts.index_select(0, ((codes >> shift) & 15) + (i << 4))
        return (((counts >> 6) & 0x0101010101010101) << self.places).sum(dim=1)


def _counts_in_bytes(part):
    """What each value of each group adds to the counts of `Features`: words of shape (g, 16, 8)."""
    digits = part.counts[..., None] >> np.arange(64, dtype=np.uint64) & np.uint64(1)
    numbers = (digits << np.arange(7, dtype=np.uint64)[:, None]).sum(axis=2, dtype=np.uint64)
    places = 8 * np.arange(8, dtype=np.uint64)
    return (numbers.reshape(-1, 16, 8, 8) << places[:, None]).sum(axis=2, dtype=np.uint64)


class _Ribbon(nn.Module):
    """Bits of planes: each the parity of 64 cells of its row, as far as the code's features are 1."""

    def __init__(self, part):
        super().__init__()
        self.search = _Search(part.search)
        self.spacing = part.spacing
        self.n_words = part.n_words
        self.n_bytes = len(part.start_table)
        self.register_buffer("start_table", _narrow(part.start_table.ravel()))
        self.register_buffer("cells", _words(part.cells.reshape(-1, part.n_planes)))
        self.register_buffer("places", _numbers(np.arange(part.n_planes)))

    def forward(self, codes: Tensor, features: Tensor) -> Tensor:
        beta = self.start_table.index_select(0, codes & 255)
        for k in range(1, self.n_bytes):
            beta = beta ^ self.start_table.index_select(0, ((codes >> (8 * k)) & 255) + (k << 8))
        start = (beta.to(torch.int64) * self.spacing) >> 16
        first = self.search(codes) * self.n_words + (start >> 6)
        here, following = self.cells.index_select(0, first), self.cells.index_select(0, first + 1)
        of_next = (torch.ones_like(start) << (start & 63)) - 1
        window = here ^ ((here ^ following) & of_next.unsqueeze(1))
        return (_parity(window & (features | 1).unsqueeze(1)) << self.places).sum(dim=1)


def _parity(words: Tensor) -> Tensor:
    """1 where a word has an odd number of ones; the signs that shifts repeat do not reach bit 0."""
    for places in (32, 16, 8, 4, 2, 1):
        words = words ^ (words >> places)
    return words & 1


class _Plain(nn.Module):
    """Codewords that are the symbols' numbers; one that is no symbol loses its first bit."""

    def __init__(self, part):
        super().__init__()
        self.n_symbols = part.n_symbols
        self.first_bit = 1 << part.depth >> 1

    def forward(self, words: Tensor) -> Tensor:
        return torch.where(words < self.n_symbols, words, words - self.first_bit)


class _Canonical(nn.Module):
    """Codewords of several lengths: the symbol of the last of `starts` that is not above the word."""

    def __init__(self, part):
        super().__init__()
        self.register_buffer("starts", _numbers(part.starts))
        self.register_buffer("symbols", _numbers(part.symbols))

    def forward(self, words: Tensor) -> Tensor:
        return self.symbols.index_select(0, torch.searchsorted(self.starts, words, right=True) - 1)


class _Staged(nn.Module):
    """A symbol by a codeword that ribbons hold, stage by stage: all stages are read, those in vain do not count."""

    def __init__(self, part):
        super().__init__()
        self.ribbons = nn.ModuleList(_Ribbon(ribbon) for ribbon, _, _ in part.stages)
        self.shifts = [shift for _, shift, _ in part.stages]
        self.longer = [longer for _, _, longer in part.stages]
        self.decoder = {Plain: _Plain, Canonical: _Canonical}[type(part.decoder)](part.decoder)

    def forward(self, codes: Tensor, features: Tensor) -> Tensor:
        words = torch.zeros_like(codes)
        goes_on = torch.ones_like(codes)
        for stage, ribbon in enumerate(self.ribbons):
            words = words | ((ribbon(codes, features) << self.shifts[stage]) * goes_on)
            goes_on = goes_on * (words >= self.longer[stage]).to(torch.int64)
        return self.decoder(words)


class _Fingerprints(nn.Module):
    """Accepts the codes that were stored, and others by chance."""

    def __init__(self, part):
        super().__init__()
        self.ribbon = _Ribbon(part.ribbon)
        self.prints = _Features(part.prints)
        self.every = (1 << part.ribbon.n_planes) - 1

    def forward(self, codes: Tensor, features: Tensor) -> Tensor:
        differing = self.ribbon(codes, features) ^ (self.prints(codes) >> 1)
        return (differing & self.every) == self.every


class _Filtered(nn.Module):
    """A common class, or where a filter accepts the code a rarer one, if that is what is stored behind it."""

    def __init__(self, part):
        super().__init__()
        self.common = _symbols(part.common)
        self.filter = _Fingerprints(part.filter)
        self.rare = _symbols(part.rare)
        self.register_buffer("common_classes", _numbers(part.common_classes))
        self.register_buffer("rare_classes", _numbers(np.concatenate([[0], part.rare_classes])))

    def forward(self, codes: Tensor, features: Tensor) -> Tensor:
        common = self.common_classes.index_select(0, self.common(codes, features))
        symbols = self.rare(codes, features)
        is_rare = self.filter(codes, features) & (symbols > 0)
        return torch.where(is_rare, self.rare_classes.index_select(0, symbols), common)


class _Mapped(nn.Module):
    """Classes of symbols, by a table."""

    def __init__(self, part):
        super().__init__()
        self.symbols = _symbols(part.symbols)
        self.register_buffer("classes", _numbers(part.classes))

    def forward(self, codes: Tensor, features: Tensor) -> Tensor:
        return self.classes.index_select(0, self.symbols(codes, features))


def _symbols(part):
    return {Constant: _Constant, Staged: _Staged, Filtered: _Filtered, Mapped: _Mapped}[type(part)](part)


class _Binary(nn.Module):
    """Features of a code, and the symbols that are read with them."""

    def __init__(self, part):
        super().__init__()
        self.features = _Features(part.features)
        self.symbols = _symbols(part.symbols)

    def forward(self, codes: Tensor) -> Tensor:
        return self.symbols(codes, self.features(codes))


def _classes(part):
    return {Constant: _Constant, Runs: _Runs, Lifts: _Lifts, Binary: _Binary}[type(part)](part)


# Whole networks


class _NoCode(nn.Module):
    """Zeros, where one class needs no code."""

    def forward(self, X: Tensor) -> Tensor:
        return torch.zeros(X.shape[0], dtype=torch.int64, device=X.device)


class _FirstBits(nn.Module):
    """The code that labels are read from, of which that by which rows are known has the bits."""

    def __init__(self, n_bits):
        super().__init__()
        self.mask = (1 << n_bits) - 1

    def forward(self, X: Tensor, codes_to_know: Tensor) -> Tensor:
        return codes_to_know & self.mask


class _AnotherCode(nn.Module):
    """The code that labels are read from, where it must be computed."""

    def __init__(self, code):
        super().__init__()
        self.code = code

    def forward(self, X: Tensor, codes_to_know: Tensor) -> Tensor:
        return self.code(X)


def _code(plan, dtype):
    return _NoCode() if isinstance(plan.classes, Constant) else _SignsCode(plan.signs, plan.code, dtype)


def _code_to_know(known, n_features, dtype):
    return _Hash(known.signs, n_features) if known.code is None else _SignsCode(known.signs, known.code, dtype)


class LookupModule(PointsModule):
    """A network as `Network.to_torch` returns it: points to labels.

    ``module(X)`` takes a tensor of shape (n, d) in the dtype it was exported for, and returns a tensor of n labels.
    """

    def __init__(self, plan, network, labels, dtype):
        super().__init__(network, labels, dtype)
        self.to_codes = _code(plan, dtype)
        self.classes = _classes(plan.classes)

    def forward(self, X: Tensor) -> Tensor:
        """Labels of the rows."""
        self.check(X)
        return self.labels[self.classes(self.to_codes(X))]


class RecognisingLookupModule(PointsModule):
    """A network with fingerprints, as `Network.to_torch` returns it: points to labels, and whether each is known."""

    def __init__(self, plan, network, labels, dtype):
        super().__init__(network, labels, dtype)
        known = plan.known
        self.to_codes_to_know = _code_to_know(known, plan.n_features, dtype)
        self.to_codes = _AnotherCode(_code(plan, dtype)) if known.first_bits is None else _FirstBits(known.first_bits)
        self.classes = _classes(plan.classes)
        self.features = _Features(known.features)
        self.fingerprints = _Fingerprints(known.fingerprints)

    def forward(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Labels of the rows, and a tensor of booleans."""
        self.check(X)
        codes = self.to_codes_to_know(X)
        known = self.fingerprints(codes, self.features(codes))
        return self.labels[self.classes(self.to_codes(X, codes))], known
