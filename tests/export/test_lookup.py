"""The plan of a network's shortcut: what it says in plain NumPy is what the network answers, for any input."""

import numpy as np
import pytest
from support import exported, saved

from fastmem.export.lookup import Hash, Plan, Signs, plan_of


def assert_same(net, X):
    plan = plan_of(net)
    assert np.array_equal(net.classes[plan.read(X)], net.predict(X))
    if plan.known:
        assert np.array_equal(plan.known.read(X), net.contains(X))
        if plan.known.first_bits is not None:
            codes = plan.known.code.read(plan.known.signs.read(X))
            assert np.array_equal(codes & np.uint64((1 << plan.known.first_bits) - 1), net.codes(X))


@pytest.mark.parametrize("name", saved.FACTORIES)
def test_a_plan_says_what_the_network_answers(name):
    net = saved.FACTORIES[name]()
    rng = np.random.default_rng(5)
    X = 3 * rng.standard_normal((2000, net.n_features_in))
    assert_same(net, X.astype(np.float32))
    assert_same(net, np.concatenate([X, np.round(X), 100 * X, np.arange(2000.0)[:, None] * np.ones(X.shape[1])]))


@pytest.mark.parametrize("name", [name for name in exported.CASES if name != "baum1988"])
def test_a_plan_says_what_is_exported(name):
    X, _, net = exported.case(name)
    assert_same(net, np.concatenate([X, exported.others(X)]))


def test_a_plan_has_all_of_its_parts():
    plan = plan_of(saved.filtering_network())
    kinds = [type(part).__name__ for part in plan.parts()]
    assert kinds[:3] == ["Plan", "Signs", "Code"]
    assert {"Binary", "Features", "Filtered", "Fingerprints", "Ribbon", "PrefixSearch", "Known"} <= set(kinds)
    assert isinstance(plan, Plan)
    assert isinstance(plan.known.signs, Signs)
    assert isinstance(plan_of(saved.FACTORIES["rows known, few columns read"]()).known.signs, Hash)
