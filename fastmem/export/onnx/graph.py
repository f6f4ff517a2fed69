"""Nodes and constants of an ONNX graph, named by the stage that is being written."""

import collections
from contextlib import contextmanager

import numpy as np

__all__ = ["Graph", "SharingGraph"]


class Graph:
    """Nodes and constants in the order in which they are added.

    Parameters
    ----------
    onnx : module

    Attributes
    ----------
    stage : str
        What names of nodes and constants begin with.
    n_bytes : int
        Of all constants.
    """

    def __init__(self, onnx):
        self.onnx = onnx
        self.nodes, self.constants, self.n_bytes = [], [], 0
        self.stage = ""

    def type_of(self, dtype):
        """ONNX's number of a dtype."""
        dtype = np.dtype(dtype)
        return self.onnx.TensorProto.STRING if dtype.kind == "O" else self.onnx.helper.np_dtype_to_tensor_dtype(dtype)

    def tensor(self, name, array):
        """A tensor by a name within the stage."""
        return self.onnx.numpy_helper.from_array(np.asarray(array), f"{self.stage}/{name}")

    def constant(self, name, array):
        """Store an array; returns its name."""
        self.constants.append(self.tensor(name, array))
        self.n_bytes += np.asarray(array).nbytes
        return self.constants[-1].name

    def node(self, operator, *inputs, output=None, suffix="", **attributes):
        """Add a node with one output; returns the name of that."""
        name = f"{self.stage}/{operator}{suffix}"
        output = output or f"{name}:0"
        self.nodes.append(self.onnx.helper.make_node(operator, inputs, [output], name, **attributes))
        return output

    def of_each_row(self, value):
        """Name of an array with the same value, a NumPy scalar, for each row of X."""
        shape = self.node("Shape", "X", start=0, end=1)
        return self.node("ConstantOfShape", shape, value=self.tensor("value", np.reshape(value, 1)))


class SharingGraph(Graph):
    """A graph in which equal constants are stored once, and what has been computed is not computed again."""

    def __init__(self, onnx):
        super().__init__(onnx)
        self._stored, self._computed, self._uses = {}, {}, collections.Counter()

    @contextmanager
    def within(self, stage):
        """Name what is added meanwhile by a stage of the stage."""
        before, self.stage = self.stage, f"{self.stage}/{stage}" if self.stage else stage
        yield
        self.stage = before

    def constant(self, name, array):
        """Store an array, or find it stored; returns its name."""
        array = np.asarray(array)
        content = array.tobytes() if array.dtype.kind != "O" else tuple(array.tolist())
        key = array.dtype.str, array.shape, content
        if key not in self._stored:
            self._stored[key] = super().constant(name + self._number(f"{self.stage}/{name}"), array)
        return self._stored[key]

    def node(self, operator, *inputs, output=None, suffix="", **attributes):
        """Add a node with one output, unless there is one that computes the same; returns the name of the output."""
        key = operator, inputs, output, repr(sorted(attributes.items()))
        if key not in self._computed:
            suffix += self._number(f"{self.stage}/{operator}{suffix}")
            # Names of outputs are repeated by all who read them: they are short.
            output = output or str(len(self.nodes))
            self._computed[key] = super().node(operator, *inputs, output=output, suffix=suffix, **attributes)
        return self._computed[key]

    def _number(self, name):
        self._uses[name] += 1
        return "" if self._uses[name] == 1 else f"_{self._uses[name]}"
