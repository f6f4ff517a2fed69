"""What type checkers are told of options is what is looked up at run time."""

import inspect
import typing

import fastmem
from fastmem.compare import CONTESTANTS, Contestant
from fastmem.constructions import CONSTRUCTIONS
from fastmem.data import options
from fastmem.separate.effort import EFFORTS
from fastmem.store import STORES


def test_options_that_name_parts_of_the_package_name_all_of_them():
    assert set(typing.get_args(options.Construction)) == set(CONSTRUCTIONS)
    assert set(typing.get_args(options.Store)) == set(STORES)
    assert set(typing.get_args(options.Effort)) == set(EFFORTS)
    assert set(typing.get_args(Contestant)) == {*CONTESTANTS, *CONSTRUCTIONS}


def test_defaults_are_values_of_their_options():
    defaults = {name: option.default for name, option in inspect.signature(fastmem.memorize).parameters.items()}
    for name in ("construction", "store", "separate", "effort"):
        assert defaults[name] in typing.get_args(getattr(options, name.capitalize()))
