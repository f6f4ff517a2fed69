"""The kernels of the binary store's table, held to their plain twins in `naive`."""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import naive
from support.examples import examples

from fastmem._kernels import probe, ribbon, runs, signs

PROPERTY = examples(200)
FEW = examples(60)
SEEDS = st.integers(0, 2**32 - 1)
SIZES = [1, 2, 3, 63, 64, 65, 130, 400]
ISAS = range(len(signs.supported_isas()))


def feature_tables(counts, places):
    return ribbon.FeatureTables(counts, np.ascontiguousarray(counts.transpose(0, 2, 1)), places)


@dataclass
class Hashes:
    """Starts and features of codes, as kernels take them and as plain numbers."""

    n_bits: int
    n_words: int
    shifts: list
    parities: list
    patterns: list
    thresholds: list
    print_patterns: list

    def __post_init__(self):
        n_numbers, columns = 2 ** len(self.parities), 64 * self.n_words
        self.spacing = -(-((columns - 64) << 16) // (n_numbers - 1)) if self.parities else 0
        self.bytes = naive.parity_bytes(self.parities, self.n_bits)
        self.places = np.array(self.shifts, np.int32)
        self.chosen = sum(15 << shift for shift in self.shifts) & (2**self.n_bits - 1)
        self.counts = naive.group_counts(self.patterns, self.thresholds, self.chosen, self.shifts)
        self.tables = feature_tables(self.counts, self.places)
        self.arguments = self.bytes, self.spacing, self.tables

    @cached_property
    def print_tables(self):
        counts = naive.group_counts(self.print_patterns, self.thresholds, self.chosen, self.shifts)
        return feature_tables(counts, self.places)

    def features(self, code):
        return naive.threshold_features(code, self.patterns, self.thresholds, self.chosen)

    def print_of(self, code):
        return naive.threshold_features(code, self.print_patterns, self.thresholds, self.chosen)

    def equation(self, code):
        start = naive.ribbon_number(code, self.parities) * self.spacing >> 16
        return naive.ribbon_equation(start, self.features(code))


@st.composite
def hashes(draw):
    n_bits, n_words = draw(st.integers(1, 62)), draw(st.integers(1, 5))
    shifts = sorted(draw(st.lists(st.integers(0, 15), min_size=1, max_size=16, unique=True)))
    rng = np.random.default_rng(draw(SEEDS))
    parities = rng.integers(0, 2**n_bits - 1, draw(st.integers(0, 12)), np.uint64, endpoint=True).tolist()
    patterns, print_patterns = rng.integers(0, 2**64 - 1, (2, 64), np.uint64, endpoint=True).tolist()
    middle = max(1, min(n_bits, 4 * len(shifts)) // 2)
    span = draw(st.sampled_from([(1, 64), (middle, min(64, middle + 3)), (1, 1), (64, 64)]))
    thresholds = rng.integers(*span, 64, endpoint=True).tolist()
    return Hashes(n_bits, n_words, [4 * g for g in shifts], parities, patterns, thresholds, print_patterns)


@st.composite
def codes_of_bits(draw, n_bits):
    """Sorted distinct codes: random, consecutive, strided, of few ones, or with equal low bits."""
    rng = np.random.default_rng(draw(SEEDS))
    top, n = 2**n_bits - 1, draw(st.sampled_from(SIZES))
    base = draw(st.integers(0, top))
    shape = draw(st.sampled_from(["random", "consecutive", "strided", "few ones", "equal low bits"]))
    if shape == "random":
        codes = rng.integers(0, top, n, np.uint64, endpoint=True).tolist()
    elif shape == "consecutive":
        codes = [min(base + i, top) for i in range(n)]
    elif shape == "strided":
        stride = draw(st.sampled_from([2, 3, 16, 1000, 2 ** (n_bits // 2)]))
        codes = [(base + i * stride) % 2**n_bits for i in range(n)]
    elif shape == "few ones":
        codes = [sum(1 << int(i) for i in set(rng.integers(0, n_bits, 3))) for _ in range(n)]
    else:
        low = draw(st.integers(0, n_bits))
        codes = (rng.integers(0, top, n, np.uint64, endpoint=True) >> np.uint64(low) << np.uint64(low)).tolist()
        codes = [code | base % 2**low for code in codes]
    return np.array(sorted(set(codes)), np.uint64)


@st.composite
def stored_values(draw):
    """Hashes, codes, the number of planes, and what the planes store for the codes: all 0, all 1, or anything."""
    drawn = draw(hashes())
    codes, n_planes = draw(codes_of_bits(drawn.n_bits)), draw(st.integers(1, 5))
    anything = np.random.default_rng(draw(SEEDS)).integers(0, 2**n_planes, len(codes), np.uint64)
    values = draw(st.sampled_from([anything, np.zeros_like(codes), np.full_like(codes, 2**n_planes - 1)]))
    return drawn, codes, values, n_planes


def build(drawn, codes, values, n_planes, most=None):
    """First codes of the rows, table, number of codes in it."""
    most = len(codes) if most is None else most
    band, right = np.full((2, 64 * drawn.n_words), 7, np.uint64)
    firsts = np.empty(most, np.uint64)
    table = np.full((most, drawn.n_words, n_planes), 7, np.uint64)
    states = np.empty(n_planes, np.uint64)
    built = []
    for isa in ISAS:
        n_rows, n_codes = ribbon.build_rows(isa, codes, values, *drawn.arguments, band, right, states, firsts, table)
        built.append((n_rows, n_codes, firsts.tobytes(), table.tobytes()))
    assert len(set(built)) == 1
    return firsts[:n_rows], table[:n_rows], n_codes


def ribbon_tables(drawn, firsts, table, prefix_bits):
    """The ribbon, as kernels read it."""
    prefix_bits = min(prefix_bits, drawn.n_bits)
    index = np.empty(2**prefix_bits + 1, np.int32)
    runs.index_runs(firsts, drawn.n_bits - prefix_bits, index)
    n_planes = table.shape[2]
    padded = np.concatenate([table.ravel(), np.full(n_planes, 0xDEADBEEF, np.uint64)])
    return ribbon.RibbonTables(
        firsts, index, drawn.n_bits - prefix_bits, *drawn.arguments, n_planes, drawn.n_words, padded
    )


def read(tables, codes):
    values = np.full((len(ISAS), len(codes)), 7, np.uint64)
    for isa in ISAS:
        tables.read(isa, codes, values[isa])
    assert np.all(values == values[0])
    return values[0]


@PROPERTY
@given(st.data(), hashes())
def test_features_say_where_enough_bits_agree_with_patterns(data, drawn):
    codes = data.draw(codes_of_bits(drawn.n_bits))[:130]
    for isa in ISAS:
        words = np.full(len(codes), 7, np.uint64)
        drawn.tables.words(isa, codes, words)
        assert words.tolist() == [drawn.features(code) for code in codes.tolist()]


@PROPERTY
@given(stored_values(), st.integers(0, 12))
def test_every_stored_code_has_its_value(stored, prefix_bits):
    drawn, codes, values, _ = stored
    firsts, table, n_codes = build(*stored)
    assert n_codes == len(codes)
    found = read(ribbon_tables(drawn, firsts, table, prefix_bits), codes[::-1].copy())
    assert np.array_equal(found, values[::-1])


@FEW
@given(stored_values())
def test_a_row_is_closed_only_where_the_next_code_contradicts_it(stored):
    drawn, codes, values, _ = stored
    firsts, _, n_codes = build(*stored)
    assert n_codes == len(codes)
    assert firsts[0] == codes[0]
    assert (firsts[1:] > firsts[:-1]).all()
    begins = [*np.searchsorted(codes, firsts).tolist(), n_codes]
    equations, values = [drawn.equation(code) for code in codes.tolist()], values.tolist()
    for begin, end in itertools.pairwise(begins):
        assert naive.consistent(equations[begin:end], values[begin:end])
        assert end == n_codes or not naive.consistent(equations[begin : end + 1], values[begin : end + 1])


@FEW
@given(stored_values(), st.integers(0, 12), SEEDS)
def test_any_code_reads_the_parity_of_its_window(stored, prefix_bits, seed):
    drawn, codes, _, _ = stored
    firsts, table, _ = build(*stored)
    rng = np.random.default_rng(seed)
    others = rng.integers(0, 2**drawn.n_bits - 1, 20, np.uint64, endpoint=True)
    queries = np.concatenate([rng.choice(codes, 20), others, np.array([0, 2**drawn.n_bits - 1], np.uint64)])
    found = read(ribbon_tables(drawn, firsts, table, prefix_bits), queries)
    rows = [naive.ribbon_row(code, firsts) for code in queries.tolist()]
    expected = [
        naive.ribbon_read(drawn.equation(code), table[r]) for code, r in zip(queries.tolist(), rows, strict=True)
    ]
    assert found.tolist() == expected


@FEW
@given(stored_values(), st.integers(1, 5))
def test_rows_do_not_depend_on_how_many_are_filled_at_a_time(stored, most):
    drawn, codes, values, n_planes = stored
    firsts, table, _ = build(*stored)
    begun = 0
    for row in range(0, len(firsts), most):
        some_firsts, cells, n_codes = build(drawn, codes[begun:], values[begun:], n_planes, most)
        assert np.array_equal(some_firsts, firsts[row : row + most])
        assert np.array_equal(cells, table[row : row + most])
        begun += n_codes
    assert begun == len(codes)


def test_nothing_is_filled_without_codes_and_nothing_read_without_queries():
    drawn = random_hashes(20, 2)
    none = np.empty(0, np.uint64)
    firsts, table, n_codes = build(drawn, none, none, 1, most=3)
    assert (len(firsts), n_codes) == (0, 0)
    firsts, table, _ = build(drawn, np.arange(9, dtype=np.uint64), np.ones(9, np.uint64), 1)
    assert len(read(ribbon_tables(drawn, firsts, table, 3), none)) == 0


def random_hashes(n_bits, n_words, n_starts=4, seed=0):
    rng = np.random.default_rng(seed)
    parities = rng.integers(0, 2**n_bits, n_starts, np.uint64).tolist()
    patterns, print_patterns = rng.integers(0, 2**64 - 1, (2, 64), np.uint64, endpoint=True).tolist()
    shifts = list(range(0, n_bits, 4))
    return Hashes(n_bits, n_words, shifts, parities, patterns, [n_bits // 2 + 1] * 64, print_patterns)


@pytest.mark.parametrize("n_words", [4, 16])
def test_rows_of_random_codes_are_almost_full(n_words):
    rng = np.random.default_rng(1)
    codes = np.unique(rng.integers(0, 2**40, 50_000, np.uint64))
    firsts, _, _ = build(random_hashes(40, n_words, 6), codes, rng.integers(0, 2, len(codes), np.uint64), 1)
    assert len(firsts) * 64 * n_words < (1.12 if n_words == 4 else 1.03) * len(codes)


# Probing


def store_prints(drawn, codes, n_planes, prefix_bits):
    """A ribbon in which codes are known, and what tells whether a code is."""
    known = 2**n_planes - 1
    values = [~(drawn.print_of(code) >> 1) & known for code in codes.tolist()]
    firsts, table, _ = build(drawn, codes, np.array(values, np.uint64), n_planes)

    def is_known(code):
        value = naive.ribbon_read(drawn.equation(code), table[naive.ribbon_row(code, firsts)])
        return (value ^ drawn.print_of(code) >> 1) & known == known

    return ribbon_tables(drawn, firsts, table, prefix_bits), is_known


def flipped(code, pairs, near):
    """A code behind the hyperplanes whose bits are 1."""
    for e, (flip, _) in enumerate(pairs[:64]):
        code ^= flip if near >> e & 1 else 0
    return code


def probed_by_kernel(tables, drawn, codes, near, most):
    """The kernel on inputs whose hyperplanes near are lists of pairs (flip, cost)."""
    starts = np.append(0, np.cumsum([len(pairs) for pairs in near])).astype(np.int64)
    flips = np.array([flip for pairs in near for flip, _ in pairs], np.uint64)
    costs = np.array([cost for pairs in near for _, cost in pairs], np.float64)
    # An entry beyond the heap's tells whether the kernel keeps to it.
    heap_costs, heap_sets = np.full(most + 1, -7.0), np.full(most + 1, 7, np.uint64)
    results = []
    for isa in ISAS:
        given = np.array(codes, np.uint64)
        sets, tried = np.full(len(codes), 7, np.uint64), np.full(len(codes), 7, np.int64)
        heap = heap_costs[:-1], heap_sets[:-1]
        probe.probe(isa, given, starts, flips, costs, most, tables, drawn.print_tables, *heap, sets, tried)
        assert given.tolist() == list(codes)
        probed = [flipped(code, pairs, near) for code, pairs, near in zip(codes, near, sets.tolist(), strict=True)]
        results.append((probed, [int(near > 0) for near in sets.tolist()], tried.tolist()))
    assert (heap_costs[-1], heap_sets[-1]) == (-7, 7)
    assert all(result == results[0] for result in results)
    return results[0]


NUMBERS = st.one_of(st.floats(0, 1e3), st.integers(0, 3).map(float), st.sampled_from([0.0, 5e-324, 1e308, np.inf]))


@st.composite
def inputs_near_hyperplanes(draw, drawn, codes):
    """A code, known or a few flips away from one, and at most eight flips with their costs."""
    n_near = draw(st.integers(0, 8))
    bits = st.integers(0, drawn.n_bits - 1).map(lambda bit: 1 << bit)
    flips = draw(st.lists(st.one_of(bits, st.integers(0, 2**drawn.n_bits - 1)), min_size=n_near, max_size=n_near))
    costs = sorted(draw(st.lists(NUMBERS, min_size=n_near, max_size=n_near)))
    code = draw(st.one_of(st.sampled_from(codes.tolist()), st.integers(0, 2**drawn.n_bits - 1)))
    for e in draw(st.lists(st.integers(0, 7), max_size=4, unique=True)):
        code ^= flips[e] if e < n_near else 0
    return code, list(zip(flips, costs, strict=True))


@PROPERTY
@given(st.data(), hashes(), st.integers(1, 5), st.one_of(st.integers(0, 12), st.just(255), st.integers(0, 300)))
def test_the_nearest_known_code_is_found_among_the_sets_of_flips(data, drawn, n_planes, most):
    codes = data.draw(codes_of_bits(drawn.n_bits))[:65]
    tables, is_known = store_prints(drawn, codes, n_planes, data.draw(st.integers(0, 5)))
    inputs = data.draw(st.lists(inputs_near_hyperplanes(drawn, codes), max_size=3))
    expected = [
        naive.probe(code, [flip for flip, _ in near], [cost for _, cost in near], most, is_known)
        for code, near in inputs
    ]
    got = probed_by_kernel(tables, drawn, [code for code, _ in inputs], [near for _, near in inputs], most)
    assert list(zip(*got, strict=True)) == expected


@pytest.mark.parametrize(
    "costs", [[0.1, 0.2, 0.3, 0.3, 0.6, 0.7, 0.8, 0.9], [1.0] * 8, [0.0, 0.1, 0.1, np.inf, np.inf]]
)
def test_every_set_is_tried_in_its_turn_where_sums_are_rounded_or_equal(costs):
    drawn = random_hashes(60, 2)
    flips = np.random.default_rng(3).integers(1, 2**60, len(costs)).tolist()
    code, near = 1234567890123456789 % 2**60, list(zip(flips, costs, strict=True))
    for number in range(1, 2 ** len(costs)):
        stored = code ^ int(np.bitwise_xor.reduce([flip for e, flip in enumerate(flips) if number >> e & 1]))
        tables, _ = store_prints(drawn, np.array([stored], np.uint64), 40, 3)
        _, _, tried = naive.probe(code, flips, costs, 255, stored.__eq__)
        assert probed_by_kernel(tables, drawn, [code], [near], 255) == ([stored], [1], [tried])


@pytest.mark.parametrize(("place", "most", "expected"), [(0, 1, 1), (63, 64, 64), (63, 63, None), (64, 64, None)])
def test_only_the_first_64_hyperplanes_of_an_input_are_flipped(place, most, expected):
    drawn = random_hashes(60, 4)
    rng = np.random.default_rng(2)
    codes = np.unique(rng.integers(0, 2**60, 200, np.uint64))
    tables, _ = store_prints(drawn, codes, 40, 4)
    near = [(int(rng.integers(1, 2**60)), 1 + e / 100) for e in range(70)]
    known, code = int(codes[50]), int(codes[50]) ^ near[place][0]
    got = probed_by_kernel(tables, drawn, [code], [near], most)
    assert got == (([known], [1], [expected]) if expected else ([code], [0], [most]))
