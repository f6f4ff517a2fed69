"""Blocks that come once: the network of all of them, or an error that names the block."""

import numpy as np
import pytest

import fastmem


def blocks(X, y, size):
    return ((X[start : start + size], y[start : start + size]) for start in range(0, len(X), size))


LABELS = {
    "integers": lambda rng, n: rng.integers(-3, 7, n),
    "text of any length": lambda rng, n: rng.choice(["a", "bb", "cccc"], n),
    "a label a row": lambda rng, n: rng.permutation(n),
    "rows": lambda rng, n: rng.integers(0, 2, (n, 3)),
    "objects": lambda rng, n: np.array([1, 1.0, "x", None], object)[rng.integers(0, 4, n)],
    "objects with an order": lambda rng, n: np.array(["dog", "cat", "zebra"], object)[rng.integers(0, 3, n)],
    "floats of two zeros": lambda rng, n: rng.choice([0.0, -0.0, 1.5], n),
    "other labels in each block": lambda rng, n: np.arange(n) // 100,
}


@pytest.mark.parametrize("in_files", [False, True])
@pytest.mark.parametrize("name", LABELS)
def test_blocks_give_the_network_of_all(name, in_files, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((700, 5)).astype(np.float32), LABELS[name](rng, 700)
    scratch = tmp_path if in_files else None
    net = fastmem.from_blocks(blocks(X, y, 83), scratch=scratch, random_state=0)
    assert net == fastmem.memorize(X, y, scratch=scratch, random_state=0)
    assert net.predict(X).dtype == y.dtype
    assert list(tmp_path.iterdir()) == []


def test_options_are_those_of_memorize():
    X, y = np.random.default_rng(0).standard_normal((100, 3)), np.arange(100) % 2
    net = fastmem.from_blocks(blocks(X, y, 30), store="integer", margin=1e-3, columns="all", random_state=0)
    assert net == fastmem.memorize(X, y, store="integer", margin=1e-3, columns="all", random_state=0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'marign'"):
        fastmem.from_blocks(blocks(X, y, 30), marign=1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        fastmem.from_blocks(blocks(X, y, 30), y=y)


def test_empty_blocks_and_lists_are_taken():
    X, y = np.random.default_rng(0).standard_normal((50, 3)), np.arange(50) % 2
    given = [(X[:20].tolist(), y[:20].tolist()), (X[:0], y[:0]), (X[20:].tolist(), y[20:].tolist())]
    assert fastmem.from_blocks(given, random_state=0) == fastmem.memorize(X, y, random_state=0)


def test_an_empty_block_of_rows_of_objects_is_taken():
    X, y = np.zeros((3, 2)) + np.arange(3)[:, None], np.array([["a", None]] * 3, object)
    assert fastmem.from_blocks([(X[:0], y[:0]), (X, y)]).predict(X).tolist() == y.tolist()


class Frame:
    """Columns with names, as a data frame has them."""

    def __init__(self, array, columns):
        self._array, self.columns = array, columns

    def __array__(self, dtype=None, copy=None):
        return np.array(self._array, dtype)

    def __len__(self):
        return len(self._array)


def test_names_of_columns_are_kept():
    X, y = np.random.default_rng(0).standard_normal((40, 2)), np.arange(40) % 2
    net = fastmem.from_blocks([(Frame(X[:20], ["a", "b"]), y[:20]), (Frame(X[20:], ["a", "b"]), y[20:])])
    assert net.feature_names == ("a", "b")
    with pytest.raises(fastmem.InvalidInput, match="block 1"):
        fastmem.from_blocks([(Frame(X[:20], ["a", "b"]), y[:20]), (Frame(X[20:], ["b", "a"]), y[20:])])


X, Y = np.random.default_rng(0).standard_normal((30, 3)), np.arange(30) % 2
REFUSED = {
    "no block": ([], "there is no block"),
    "no blocks": (5, "blocks is of type int: give pairs"),
    "no pair": ([X], "blocks gives a ndarray: each block is a pair"),
    "too few labels": ([(X, Y), (X, Y[1:])], r"block 1 \(rows from 30\): X has 30 rows, but y has 29 labels"),
    "other columns": ([(X, Y), (X[:, 1:], Y)], r"block 1 \(rows from 30\): X has 2 columns"),
    "another dtype": ([(X, Y), (X.astype("f"), Y)], "X is read as float32, but that of the first block as float64"),
    "other labels": ([(X, Y), (X, Y.astype(str))], "y is <U21, but that of the first block int64"),
    "no label": ([(X, Y), (X, np.where(Y, np.nan, 1.0))], r"block 1 \(rows from 30\): y\[1\] is nan"),
    "no number": ([(X, Y), ([["a"] * 3] * 30, Y)], r"block 1 \(rows from 30\): X has dtype <U1, which is not"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_named_by_its_block(name, tmp_path):
    given, message = REFUSED[name]
    with pytest.raises(fastmem.InvalidInput, match=message):
        fastmem.from_blocks(given, scratch=tmp_path)


def test_contradictions_and_numbers_that_are_not_finite_are_named_by_rows_of_all(tmp_path):
    with pytest.raises(fastmem.ContradictoryLabels, match=r"rows 0 \(0\) and 30 \(1\)"):
        fastmem.from_blocks([(X, Y), (X, 1 - Y)], scratch=tmp_path)
    bad = X.copy()
    bad[7, 2] = np.inf
    with pytest.raises(fastmem.InvalidInput, match=r"X\[37, 2\] is inf"):
        fastmem.from_blocks([(X, Y), (bad, Y)], scratch=tmp_path)


def test_an_error_of_the_generator_is_the_users_and_leaves_nothing(tmp_path):
    def given():
        yield X, Y
        raise RuntimeError("the database is gone")

    with pytest.raises(RuntimeError, match="the database is gone"):
        fastmem.from_blocks(given(), scratch=tmp_path)
    assert list(tmp_path.iterdir()) == []
