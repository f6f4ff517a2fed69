"""Seconds that deep networks whose words hold the labels take: `vardi2021` in its forms, and `park2021`.

    python benchmarks/deep.py [--points N ...]

memorizes normal points of R^16, rounded to a grid of 2^-12, with random labels of two classes, 10,000 and 100,000 of
them by default, and prints a Markdown table. Processor seconds are those of one thread, which other work on the machine
hardly changes; wall seconds those of two. A build is verified, so that it evaluates the network once; of `predict` it
is the first call, which also prepares the network's tables.
"""

import argparse
import time

import numpy as np
from measuring import print_header, print_row
from scaling import DEEP, on_grid
from threadpoolctl import threadpool_limits

import fastmem


def timed(clock, X, y, construction, own, n_threads):
    """The network, and seconds to build and to predict."""
    begin = clock()
    net = fastmem.memorize(
        X, y, construction=construction, construction_options=own, random_state=0, n_threads=n_threads
    )
    built = clock()
    assert np.array_equal(net.predict(X, n_threads=n_threads), y)
    return net, built - begin, clock() - built


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", nargs="+", type=int, default=[10_000, 100_000], metavar="N")
    print_header((
        "n", "construction", "neurons", "weights", "depth", "longest integer", "build, processor s",
        "predict, processor s", "build, wall s, 2 threads", "predict, wall s, 2 threads",
    ))  # fmt: skip
    for n in parser.parse_args().points:
        rng = np.random.default_rng(0)
        X, y = on_grid(n, rng), rng.integers(0, 2, n)
        for name, (construction, own) in DEEP.items():
            with threadpool_limits(1):
                net, *alone = timed(time.process_time, X, y, construction, own, 1)
            _, *together = timed(time.perf_counter, X, y, construction, own, 2)
            print_row((n, name, net.n_neurons, net.n_weights, net.depth, net.longest_integer, *alone, *together))


if __name__ == "__main__":
    main()
