"""Threads, forks and savers at once: a few cases of ``reliability/concurrency.py``, and what it has found."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from reliability import concurrency

from fastmem.machine import blas


def in_a_process(code):
    """What Python prints that runs the code, with the folder of this file in its path."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    command = [sys.executable, "-P", "-W", "ignore", "-c", f"import sys; sys.path.insert(0, {folder!r})\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout


def test_eight_threads_use_one_new_network_at_once():
    assert concurrency.threads(2, 0, jit=False) == []


def test_eight_threads_memorize_at_once_and_blas_has_its_threads_again():
    assert concurrency.memorizers(1, 0) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_processes_forked_while_threads_work_give_right_answers():
    assert in_a_process("from reliability.concurrency import forks; print(forks(1, 0))") == "[]\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_forked_while_another_thread_memorizes_has_all_its_blas_threads():
    code = """
import os, threading
from fastmem.machine.blas import _Users, single_threaded_blas
from reliability.concurrency import blas_threads
before, entered, left = blas_threads(), threading.Event(), threading.Event()
def other():
    with single_threaded_blas(), _Users.lock:
        entered.set()
        left.wait()
thread = threading.Thread(target=other)
thread.start()
entered.wait()
child = os.fork()
if child == 0:
    right = blas_threads() == before
    with single_threaded_blas():  # the lock is free
        right &= set(blas_threads()) <= {1}
    os._exit(0 if right and blas_threads() == before else 1)
status = os.waitpid(child, 0)[1]
left.set()
thread.join()
print(status, blas_threads() == before)
"""
    assert in_a_process(code) == "0 True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_forked_while_another_thread_derives_something_can_derive_it():
    code = """
import os, signal, threading
from fastmem.machine.once import cached_property
class Slow:
    @cached_property
    def value(self):
        if threading.current_thread() is not threading.main_thread():
            entered.set()
            left.wait()
        return 1
entered, left = threading.Event(), threading.Event()
thread = threading.Thread(target=lambda: Slow().value)
thread.start()
entered.wait()
child = os.fork()
if child == 0:
    signal.alarm(20)
    os._exit(Slow().value)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
left.set()
thread.join()
"""
    assert in_a_process(code) == "1\n"


def blas_threads():
    """Of the libraries that were there when one was first needed: others keep their threads."""
    return [library.get_num_threads() for library in blas._libraries()]


@pytest.fixture
def before():
    """How many threads BLAS has."""
    if not blas._libraries():
        pytest.skip("no BLAS here can be told its number of threads, as Apple's cannot")
    return blas_threads()


@pytest.mark.parametrize("step", ["entering", "leaving"])
def test_blas_has_its_threads_again_if_setting_them_is_interrupted(step, before, monkeypatch):
    calls = []
    cut = 0 if step == "entering" else len(blas._libraries())

    def interrupting(set_number):
        def interrupted(self, number):
            set_number(self, number)
            calls.append(number)
            if len(calls) == cut + 1:
                raise KeyboardInterrupt

        return interrupted

    for library in set(map(type, blas._libraries())):
        monkeypatch.setattr(library, "set_num_threads", interrupting(library.set_num_threads))
    with pytest.raises(KeyboardInterrupt), blas.single_threaded_blas():
        assert step == "leaving"
    assert blas_threads() == before
    assert not blas._Users.present


def test_blas_has_one_thread_in_whatever_thread_it_is_needed(before):
    found = []

    def use():
        with blas.single_threaded_blas():
            found.append(set(blas_threads()))

    for library, number in zip(blas._libraries(), before, strict=True):
        library.set_num_threads(number)  # threadpoolctl now ignores other threads
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert found == [{1}]
    assert blas_threads() == before


def test_blas_has_its_threads_again_after_users_overlap(before):
    first, second = blas.single_threaded_blas(), blas.single_threaded_blas()
    with second:
        first.__enter__()
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {1}
    first.__exit__(None, None, None)
    assert blas_threads() == before


@pytest.mark.skipif(os.name == "nt", reason="Windows replaces no file that another process reads")
def test_a_file_that_two_processes_save_to_is_always_a_whole_network():
    assert concurrency.savers(8, 0) == []


def test_a_process_killed_while_it_saves_leaves_a_whole_network():
    assert concurrency.killed(1, 0) == []


def test_threads_that_derive_at_the_same_time_get_equal_layers():
    net = concurrency.network(3)
    start, found = threading.Barrier(4), []

    def work():
        start.wait()
        found.append(net.layers)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    widths = [tuple(layer.n_units for layer in layers) for layers in found]
    assert len(found) == 4
    assert set(widths) == {net.widths}
    assert np.array_equal(net.forward(concurrency.data(3)[0]), concurrency.data(3)[1])
