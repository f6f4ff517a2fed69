"""PyTorch: layers of units that carry numbers as a module of float64 buffers."""

import numpy as np
import torch
from torch import Tensor, nn

from fastmem.export.guard import check_size, output_values
from fastmem.export.numbers import check_numbers, float_layers, n_numbers_stored, refuse_index
from fastmem.export.torch import KINDS, MOST_BYTES, PointsModule, label_tensor

__all__ = ["NumberModule", "module"]

_THRESHOLD, _RELU = 0, 1


def module(network, dtype, output, X, unsafe):
    """The module that `Network.to_torch` returns for a network whose units carry numbers."""
    values = None
    if len(network.classes):
        values = output_values(network, output, KINDS, "PyTorch")
    else:
        refuse_index(output)
    check_size(network, 8 * n_numbers_stored(network), MOST_BYTES, "a PyTorch module")
    dtype = check_numbers(network, dtype, X, unsafe)
    return NumberModule(network, label_tensor(values, len(network.classes)), dtype)


class NumberModule(PointsModule):
    """A network as `Network.to_torch` returns it: points to labels, or to real outputs.

    ``module(X)`` takes a float64 tensor of shape (n, d), and returns a tensor of n labels.
    """

    def __init__(self, network, labels, dtype):
        super().__init__(network, labels, dtype)
        layers, self.factor = float_layers(network)
        self.output, self.last = network.output, max(len(network.classes) - 1, 0)
        self.register_buffer("columns", torch.from_numpy(network.columns))
        if layers:
            layers[0] = layers[0]._replace(weights=np.ascontiguousarray(layers[0].weights[network.columns]))
        self.layers = nn.ModuleList([_Layer(*layer) for layer in layers])
        self.register_buffer("powers", 1 << torch.arange(network.n_label_bits, device="cpu"))

    def forward(self, X: Tensor) -> Tensor:
        """Labels of the rows."""
        self.check(X)
        values = X.index_select(1, self.columns)
        if len(self.layers) == 0:
            return self.labels[torch.zeros(X.shape[0], dtype=torch.int64, device=X.device)]
        for layer in self.layers:
            values = layer(values)
        if self.output == "bits":
            return self.labels[(values.to(torch.int64) * self.powers).sum(dim=1).clamp(max=self.last)]
        real = values[:, 0] * self.factor
        if self.output == "value":
            return real
        return self.labels[torch.ceil(real - 0.5).clamp(0, self.last).to(torch.int64)]


class _Layer(nn.Module):
    """Sums, and what units do with them."""

    def __init__(self, weights, thresholds, activations):
        super().__init__()
        self.register_buffer("weights", torch.from_numpy(weights))
        self.register_buffer("thresholds", torch.from_numpy(thresholds))
        self.register_buffer("is_relu", torch.from_numpy(activations == _RELU))
        self.register_buffer("is_threshold", torch.from_numpy(activations == _THRESHOLD))

    def forward(self, values: Tensor) -> Tensor:
        sums = torch.matmul(values, self.weights) - self.thresholds
        outputs = torch.where(self.is_relu, torch.relu(sums), sums)
        return torch.where(self.is_threshold, (sums >= 0).to(sums.dtype), outputs)
