"""Deep, narrow networks, written layer by layer: numbers that are carried on, and what is computed of them.

A *form* is a sum of units of the newest layer with integer weights, and a constant. A *pipe* carries named forms:
each new layer has a relay for each of them beside its own units. Pipes that read the same first layer stand side by
side, and their outputs are added.
"""

import itertools
from typing import NamedTuple

import numpy as np

from fastmem.layers.integers import as_integers, integer_matrix
from fastmem.layers.layer import ACTIVATIONS, Layer

__all__ = ["IDENTITY", "RELU", "THRESHOLD", "Form", "Pipe", "side_by_side"]

THRESHOLD, RELU, IDENTITY = range(len(ACTIVATIONS))


class Form(NamedTuple):
    """A sum of units with weights, and a constant.

    Attributes
    ----------
    terms : tuple of (int, int)
        Units and their weights.
    constant : int
    """

    terms: tuple[tuple[int, int], ...] = ()
    constant: int = 0

    def plus(self, other, weight=1):
        """The form with a number of times another one added, or a constant."""
        if not isinstance(other, Form):
            return Form(self.terms, self.constant + weight * other)
        sums = dict(self.terms)
        for unit, factor in other.terms:
            sums[unit] = sums.get(unit, 0) + weight * factor
        return Form(tuple(sums.items()), self.constant + weight * other.constant)

    def times(self, weight):
        """A number of times the form."""
        return Form(tuple((unit, weight * factor) for unit, factor in self.terms), weight * self.constant)


class Pipe:
    """Layers of a few units each, behind a first layer whose only unit is z.

    Parameters
    ----------
    relay : int
        Activation of the units that carry a form on: RELU where none is below 0, or IDENTITY.

    Attributes
    ----------
    carried : dict of str to Form
    layers : list of (units, stage)
        A unit is a form and an activation.
    """

    def __init__(self, relay):
        self._relay = relay
        self.carried, self.layers = {"z": Form(((0, 1),))}, []

    def layer(self, stage, units):
        """Add a layer of relays for all that is carried and of new units; returns forms of the new ones, by name.

        Parameters
        ----------
        stage : str
        units : dict of str to (Form, int)
        """
        relayed = [(form, self._relay) for form in self.carried.values()]
        self.layers.append(([*relayed, *units.values()], stage))
        self.carried = {name: Form(((place, 1),)) for place, name in enumerate(self.carried)}
        return {name: Form(((place, 1),)) for place, name in enumerate(units, start=len(relayed))}

    def add(self, name, form, weight=1):
        """Add a number of times a form to what is carried by a name."""
        self.carried[name] = self.carried.get(name, Form()).plus(form, weight)


def side_by_side(first, pipes, outputs):
    """Layers of pipes that read one first layer, and the sum of an output form of each; what each layer does.

    Parameters
    ----------
    first : Layer
    pipes : list of Pipe
        The shorter ones carry nothing but their output on.
    outputs : list of str
        What each pipe carries in the end.

    Returns
    -------
    layers : tuple of Layer
    stages : tuple of str
    """
    depth = max(len(pipe.layers) for pipe in pipes)
    for pipe, name in zip(pipes, outputs, strict=True):
        pipe.carried = {name: pipe.carried[name]}
        while len(pipe.layers) < depth:
            pipe.layer(pipe.layers[-1][1], {})
    layers, stages, offsets = [first], ["projection"], [0] * len(pipes)
    for parts in zip(*(pipe.layers for pipe in pipes), strict=True):
        units = [(form, offset, kind) for (some, _), offset in zip(parts, offsets, strict=True) for form, kind in some]
        layers.append(_layer(units, layers[-1].n_units))
        stages.append(max((stage for _, stage in parts), key=[stage for _, stage in parts].count))
        offsets = [0, *itertools.accumulate(len(some) for some, _ in parts)][:-1]
    total = [(pipe.carried[name], offset) for pipe, name, offset in zip(pipes, outputs, offsets, strict=True)]
    terms = tuple((unit + offset, weight) for form, offset in total for unit, weight in form.terms)
    output = Form(terms, sum(form.constant for form, _ in total))
    return (*layers, _layer([(output, 0, IDENTITY)], layers[-1].n_units)), (*stages, "sum")


def _layer(units, n_inputs):
    """A `Layer` of units: form, offset of the units that it reads, and activation."""
    terms = [[(unit + offset, weight) for unit, weight in form.terms if weight] for form, offset, _ in units]
    starts = np.append(0, np.cumsum([len(row) for row in terms], dtype=np.int64))
    flat = [term for row in terms for term in row]
    weights = integer_matrix([weight for _, weight in flat], [unit for unit, _ in flat], starts, (len(units), n_inputs))
    thresholds = as_integers([-form.constant for form, _, _ in units])
    return Layer(weights, thresholds, np.array([kind for _, _, kind in units], np.uint8))
