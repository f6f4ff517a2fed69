"""PyTorch: the layers of a network as a module of buffers, for CPU and CUDA, `torch.jit.script` and `torch.export`.

Behind the first layer every sum is exact (`fastmem.export.exact_sums`); in the first one signs are right for all points
that clear the rounding errors (`fastmem.export.guard`). There is nothing to train: all tensors are buffers.
"""

from fastmem.export.exact_sums import SHIFT, exact_layer, first_layer, n_weights_stored
from fastmem.export.guard import check_arithmetic, check_size, no_such_labels, output_values
from fastmem.machine.partners import missing

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise missing("to_torch", "PyTorch", "torch") from error

__all__ = [
    "KINDS",
    "MOST_BYTES",
    "MemorizingModule",
    "PointsModule",
    "RecognisingModule",
    "label_tensor",
    "module",
    "signs_module",
]

KINDS = "biufc"
MOST_BYTES = 2**33


def module(network, dtype, output, X, unsafe):
    """The module that `Network.to_torch` returns for form="layers"."""
    network.need_units('to_torch(form="layers")')
    values = output_values(network, output, KINDS, "PyTorch")
    check_size(network, 8 * n_weights_stored(network), MOST_BYTES, "a PyTorch module")
    dtype = check_arithmetic(network, dtype, X, unsafe)
    layers = [_first_layer(network, dtype)] if network.layers else []
    layers += [_layer(exact_layer(layer, dtype)) for layer in network.layers[1:]]
    kind = RecognisingModule if network.fingerprint_bits else MemorizingModule
    return kind(layers, network, label_tensor(values, len(network.classes)), dtype)


def label_tensor(values, n_classes):
    """Of `guard.output_values`: labels, or class indices; `InvalidInput` where PyTorch has no such labels."""
    if values is None:
        return torch.arange(n_classes, device="cpu")
    try:
        labels = torch.from_numpy(values.copy())
        labels[torch.zeros(1, dtype=torch.int64, device="cpu")]  # unsigned types of more than 8 bits have few operators
    except (TypeError, RuntimeError) as error:
        raise no_such_labels("PyTorch", values.dtype) from error
    return labels


def _layer(layer):
    if len(layer.sums) == 1:
        return _Units(_weighted_sum(layer.sums[0]), torch.from_numpy(layer.thresholds))
    return _LargeUnits(*map(_weighted_sum, layer.sums), torch.from_numpy(layer.thresholds))


def _weighted_sum(weighted):
    weights = torch.from_numpy(weighted.weights.astype(weighted.dtype))
    return _DenseSum(weights) if weighted.places is None else _GatheredSum(weights, torch.from_numpy(weighted.places))


def _first_layer(network, dtype):
    hyperplanes, reading = network.units_read[:2]
    return signs_module(hyperplanes, None if reading is None else reading.columns, dtype)


def signs_module(hyperplanes, columns, dtype):
    """From points to signs of hyperplanes on some columns, or on all if None: a module with a buffer "weights"."""
    if columns is None:
        return _Hyperplanes(hyperplanes, dtype)
    return _HyperplanesOnColumns(hyperplanes, dtype, torch.from_numpy(columns.copy()))


class _Hyperplanes(nn.Module):
    """The first layer: ``X @ weights >= thresholds``."""

    def __init__(self, hyperplanes, dtype):
        super().__init__()
        weights, thresholds = first_layer(hyperplanes, dtype)
        self.register_buffer("weights", torch.from_numpy(weights))
        self.register_buffer("thresholds", torch.from_numpy(thresholds))

    def forward(self, X: Tensor) -> Tensor:
        return torch.matmul(X, self.weights) >= self.thresholds


class _HyperplanesOnColumns(_Hyperplanes):
    """The same where some columns of X are read."""

    def __init__(self, hyperplanes, dtype, columns):
        super().__init__(hyperplanes, dtype)
        self.register_buffer("columns", columns)

    def forward(self, X: Tensor) -> Tensor:
        return torch.matmul(X.index_select(1, self.columns), self.weights) >= self.thresholds


class _DenseSum(nn.Module):
    """Weighted sums of all inputs."""

    def __init__(self, weights):
        super().__init__()
        self.register_buffer("weights", weights)

    def forward(self, bits: Tensor) -> Tensor:
        return torch.matmul(bits.to(self.weights.dtype), self.weights)


class _GatheredSum(nn.Module):
    """Weighted sums of a few inputs for each unit."""

    def __init__(self, weights, places):
        super().__init__()
        self.register_buffer("weights", weights)
        self.register_buffer("places", places)

    def forward(self, bits: Tensor) -> Tensor:
        return (bits[:, self.places].to(self.weights.dtype) * self.weights).sum(dim=2)


class _Units(nn.Module):
    """Threshold units whose sums a float holds."""

    def __init__(self, weighted_sum, thresholds):
        super().__init__()
        self.weighted_sum = weighted_sum
        self.register_buffer("thresholds", thresholds)

    def forward(self, bits: Tensor) -> Tensor:
        return self.weighted_sum(bits) >= self.thresholds


class _LargeUnits(nn.Module):
    """Threshold units whose sums are joined from two floats to a 64-bit integer."""

    def __init__(self, high, low, thresholds):
        super().__init__()
        self.high = high
        self.low = low
        self.register_buffer("thresholds", thresholds)
        self.scale = 1 << SHIFT

    def forward(self, bits: Tensor) -> Tensor:
        sums = self.high(bits).to(torch.int64) * self.scale + self.low(bits).to(torch.int64)
        return sums >= self.thresholds


def _factors_are_shortened():
    try:
        return torch.get_float32_matmul_precision() != "highest"
    except RuntimeError:  # set for one kind of processor by fp32_precision, and not to "ieee"
        return True


def _need_whole_products(X):
    """Refuse settings under which PyTorch shortens the factors of float32 products; it never does of float64 ones."""
    if X.dtype == torch.float32 and (torch.is_autocast_enabled(X.device.type) or _factors_are_shortened()):
        raise RuntimeError(
            "a float32 network needs whole float32 products: run it outside torch.autocast and with "
            'torch.set_float32_matmul_precision("highest"), or export it with dtype="float64"'
        )


class PointsModule(nn.Module):
    """What takes points, rows of a number of features in one dtype, and returns labels."""

    def __init__(self, network, labels, dtype):
        super().__init__()
        self.n_features_in = network.n_features_in
        self.dtype = getattr(torch, dtype)
        self.register_buffer("labels", labels)

    def check(self, X: Tensor) -> None:
        """Refuse what are no such points."""
        if X.dim() != 2 or X.shape[1] != self.n_features_in:
            raise ValueError(f"X has shape {X.shape}, but points are rows of {self.n_features_in} numbers")
        if X.dtype != self.dtype:
            raise ValueError(
                f"X has dtype {X.dtype}, but the network was exported for {self.dtype}: give X.to({self.dtype})"
            )
        if not torch.jit.is_scripting():
            _need_whole_products(X)


class _Base(PointsModule):
    """Layers, and what their outputs mean."""

    def __init__(self, layers, network, labels, dtype):
        super().__init__(network, labels, dtype)
        self.n_digits = network.n_label_bits
        self.last = len(network.classes) - 1
        self.layers = nn.ModuleList(layers)
        self.register_buffer("powers", 1 << torch.arange(self.n_digits, device="cpu"))

    def _bits(self, X: Tensor) -> Tensor:
        self.check(X)
        bits = torch.empty((X.shape[0], 0), dtype=torch.bool, device=X.device)
        for position, layer in enumerate(self.layers):
            bits = layer(X if position == 0 else bits)
        return bits

    def _labels_of(self, bits: Tensor) -> Tensor:
        index = (bits[:, : self.n_digits].to(torch.int64) * self.powers).sum(dim=1)
        return self.labels[index.clamp(max=self.last)]


class MemorizingModule(_Base):
    """A network as `Network.to_torch` returns it: points to labels.

    ``module(X)`` takes a tensor of shape (n, d) in the dtype it was exported for, and returns a tensor of n labels.
    """

    def forward(self, X: Tensor) -> Tensor:
        """Labels of the rows."""
        return self._labels_of(self._bits(X))


class RecognisingModule(_Base):
    """A network with fingerprints, as `Network.to_torch` returns it: points to labels, and whether each is known."""

    def forward(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Labels of the rows, and a tensor of booleans."""
        bits = self._bits(X)
        return self._labels_of(bits), bits[:, self.n_digits]
