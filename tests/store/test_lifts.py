"""The theorem's store and its kernels, held to their plain twins in `oracles.naive`."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles import naive
from support.examples import examples

from fastmem._kernels import lifts
from fastmem.errors import MemorizationError
from fastmem.store import BlockStore

PROPERTY = examples(200)
FEW = examples(50)
SEEDS = st.integers(0, 2**32 - 1)

CODES = st.lists(st.integers(0, 2**9 - 1), min_size=1, max_size=14)


def peeled(codes, a):
    """What the kernel peels: the edges in the order in which they go, and the vertex each had alone."""
    codes = np.array(codes, np.uint64)
    degrees, joined, waiting = (np.empty(3 << a, np.int32) for _ in range(3))
    edges, vertices = (np.full(len(codes), -1, np.int32) for _ in range(2))
    gone = lifts.peel(codes, a, degrees, joined, edges, vertices, waiting)
    return edges[:gone].tolist(), vertices[:gone].tolist()


@PROPERTY
@given(CODES, st.integers(1, 4))
def test_edges_are_peeled_while_one_has_a_vertex_of_its_own(codes, a):
    vectors = [naive.lift(code, a) for code in codes]
    edges, vertices = peeled(codes, a)
    assert set(edges) == naive.peel(vectors)
    assert len(set(edges)) == len(edges)
    for i, (edge, vertex) in enumerate(zip(edges, vertices, strict=True)):
        later = [vectors[k] for k in range(len(codes)) if k not in edges[: i + 1]]
        assert vertex in vectors[edge]
        assert all(vertex not in lift for lift in later)


@PROPERTY
@given(CODES, st.integers(1, 4), st.integers(1, 3), SEEDS)
def test_a_peeled_block_gives_every_code_its_class(codes, a, n_label_bits, seed):
    vectors = [naive.lift(code, a) for code in codes]
    edges, vertices = peeled(codes, a)
    assume(len(edges) == len(codes))
    classes = np.random.default_rng(seed).integers(0, 2**n_label_bits, len(codes)).astype(np.int32)
    weights = np.zeros((3 << a, n_label_bits), np.int32)
    arrays = np.array(codes, np.uint64), classes, a, n_label_bits, np.int32(edges), np.int32(vertices)
    assert lifts.solve(*arrays, weights, 2**20)
    for b in range(n_label_bits):
        expected = naive.block_weights(vectors, (classes >> b & 1).tolist(), edges, vertices)
        assert {v: int(weights[v, b]) for v in expected} == expected
        for edge, c in zip(vectors, classes.tolist(), strict=True):
            assert (weights[edge, b].sum() >= 1) == (c >> b & 1)
    largest = int(abs(weights).max())
    weights[:] = 0
    assert bool(lifts.solve(*arrays, weights, max(largest - 1, 0))) == (largest == 0)


def test_weights_too_large_are_refused_whatever_their_sign():
    signs = set()
    for seed in range(100):
        rng = np.random.default_rng(seed)
        codes = [int(code) for code in rng.integers(0, 2**16, 24)]
        edges, vertices = peeled(codes, 4)
        if len(edges) < len(codes):
            continue
        weights = np.zeros((3 << 4, 1), np.int32)
        classes = rng.integers(0, 2, len(codes)).astype(np.int32)
        arrays = np.array(codes, np.uint64), classes, 4, 1, np.int32(edges), np.int32(vertices)
        assert lifts.solve(*arrays, weights, 2**20)
        largest = int(abs(weights).max())
        signs.add((int(weights.max()) == largest, int(weights.min()) == -largest))
        assert lifts.solve(*arrays, np.zeros_like(weights), largest)
        assert not lifts.solve(*arrays, np.zeros_like(weights), largest - 1)
    assert {(True, False), (False, True)} <= signs


@FEW
@given(st.integers(1, 300), st.integers(1, 9), st.integers(9, 40), SEEDS)
def test_the_block_store_looks_up_what_its_units_compute(n, n_classes, n_bits, seed):
    rng = np.random.default_rng(seed)
    codes = np.unique(rng.integers(0, 2**n_bits, n).astype(np.uint64))
    classes = rng.integers(0, n_classes, len(codes)).astype(np.int32)
    stored = BlockStore.build(codes, classes, n_bits, n_classes)
    assert stored.lookup(codes).tolist() == classes.tolist()
    asked = np.concatenate([codes, rng.integers(0, 2**n_bits, 50).astype(np.uint64), codes + np.uint64(1)])
    asked = asked[asked < 2**n_bits]
    a = (stored.weights.shape[1] // 3).bit_length() - 1
    expected = [naive.block_lookup(code, stored.starts, stored.weights, a, n_classes) for code in asked]
    assert stored.lookup(asked).tolist() == expected
    if stored.layers():
        bits = (asked[:, None] >> np.arange(n_bits, dtype=np.uint64)) & np.uint64(1) == 1
        outputs = naive.integer_layers(stored.layers(), bits)
        numbers = sum(outputs[:, b].astype(int) << b for b in range(outputs.shape[1]))
        assert np.minimum(numbers, n_classes - 1).tolist() == expected


def test_a_block_ends_where_codes_have_equal_lifts():
    codes = np.arange(64, dtype=np.uint64) << np.uint64(20)  # all lifts are equal: a block holds one code
    stored = BlockStore.build(codes, np.arange(64, dtype=np.int32) % 2, 26, 2)
    assert stored.n_blocks == 64
    assert stored.lookup(codes).tolist() == [0, 1] * 32


def test_a_block_store_refuses_equal_codes_of_two_classes():
    with pytest.raises(MemorizationError, match="code 7 belongs to two classes"):
        BlockStore.build(np.array([3, 7, 7], np.uint64), np.array([0, 0, 1], np.int32), 9, 2)
