"""Ctrl-C at any moment: a few cases of ``reliability/interrupts.py``, and what it has found."""

import _thread
import os
import threading
import time

import numpy as np
import pytest
from reliability import interrupts

import fastmem
from fastmem.data import classes as classes_of_labels
from fastmem.machine.threads import over_blocks

PATIENCE = 10  # seconds, on whatever machine; the figures are those of the program


@pytest.mark.skipif(os.name != "posix", reason="a process cannot be sent SIGINT here")
@pytest.mark.parametrize("name", ["memorize, all", "forward", "save", "separation 8"])
def test_an_interrupted_operation_ends_and_leaves_nothing_behind(name):
    latencies, _, problems = interrupts.attack(name, 3, 0, share=0.01)
    assert problems == []
    assert max(latencies, default=0) < PATIENCE


@pytest.mark.skipif(os.name != "posix", reason="a process cannot be sent SIGINT here")
def test_an_interrupted_command_leaves_the_old_file_or_none():
    assert interrupts.attack_command(1, 0, share=0.01)[2] == []


def test_an_interrupt_before_any_line_leaves_nothing_behind():
    met, problems = interrupts.attack_lines(2, 0)
    assert problems == []
    assert met == 2


def test_forward_is_cut_into_blocks_that_end_soon(monkeypatch):
    X, y = interrupts.points(3000, 8), np.arange(3000) % 100
    net = fastmem.memorize(X, y, random_state=0)
    X, seen, outputs = np.tile(X, (2, 1)), [], net._forward_outputs
    monkeypatch.setattr(net, "_forward_outputs", lambda block: seen.append(len(block)) or outputs(block))
    assert np.array_equal(net.forward(X), np.tile(y, 2))
    work = max(seen) * sum(layer.n_entries for layer in net.layers[1:])
    assert work <= 64 * 2**20


@pytest.mark.parametrize("dtype", ["U5", ">U5", "S5", "i8", ">i4", "M8[s]", "m8[D]", "T"])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 300])
def test_classes_found_block_by_block_are_those_of_all_labels(monkeypatch, dtype, n):
    monkeypatch.setattr(classes_of_labels, "_MANY_LABELS", 7)
    numbers = np.random.default_rng(n).integers(0, max(n, 1), n)
    labels = numbers.astype("U5").astype(np.dtypes.StringDType()) if dtype == "T" else numbers.astype(dtype)
    classes, indices = classes_of_labels._sorted_classes(labels)
    expected, expected_indices = np.unique(labels, return_inverse=True)
    assert classes.dtype == expected.dtype
    assert np.array_equal(classes, expected)
    assert np.array_equal(indices, expected_indices)


def test_no_thread_of_a_comparison_of_all_pairs_runs_on_after_an_interrupt(monkeypatch):
    from fastmem.theory import pairs

    compared, rows, before = [], interrupts.points(6000, 12, dtype=np.float64), _thread._count()

    def interrupted(self, start, *_):
        compared.append(start)
        raise KeyboardInterrupt

    monkeypatch.setattr(pairs._Filter, "compare_tile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pairs.closest_pair(rows, 2, False)
    assert len(compared) <= 12
    assert interrupts.threads_left(before) <= 0


def test_a_thread_that_runs_on_is_noticed():
    before, begun, end = _thread._count(), threading.Event(), threading.Event()
    _thread.start_new_thread(lambda: (begun.set(), end.wait()), ())
    begun.wait()
    assert interrupts.threads_left(before) == 1
    end.set()
    assert interrupts.threads_left(before) == 0


def test_an_interrupt_is_raised_even_if_an_earlier_block_fails_while_it_is_waited_for():
    failing, caller = threading.Event(), threading.get_ident()

    def work(start, _):
        if threading.get_ident() != caller:
            failing.set()
            time.sleep(0.1)
            raise ValueError(start)
        failing.wait(PATIENCE)
        if start:
            raise KeyboardInterrupt

    # One of the first two blocks is the other thread's; the caller takes one behind it.
    with pytest.raises(KeyboardInterrupt):
        over_blocks(work, 3, 1, 2)
