"""What was built, beside the theorem's sizes and the lower bounds."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, overload

import numpy as np

from fastmem.data.as_points import as_points
from fastmem.data.options import as_delta
from fastmem.errors import InvalidInput
from fastmem.html.elements import fragment, pairs
from fastmem.machine.disk import write_whole
from fastmem.network.labels import label_bytes
from fastmem.theory.bounds import AS_BUILT, hyperplanes_for_cells, rajput2021_sizes
from fastmem.theory.theorems import DEPEND_ON_DELTA

if TYPE_CHECKING:
    import os
    from typing import Any

    from numpy.typing import ArrayLike

__all__ = ["Report"]

_MANY_LAYERS = 40
_OF_UNITS = ("widths", "n_neurons", "n_weights", "depth", "largest_integer_weight")


@dataclass(frozen=True, repr=False)
class Report:
    """Sizes of a network and what to read them against; print it.

    Attributes
    ----------
    n_points, n_features, n_classes : int
        What was memorized.
    construction, separate : str
        How; "given" for a network of `Network.from_layers`, which has memorized no points.
    store : str or None
        None where labels are not read from codes.
    store_reason : str
        Why the store is not the one asked for; "" if it is.
    cells_per_bit : float or None
        One-bit weights of the binary store for each bit it holds.
    integer_store_neurons : int or None
        About how many neurons there would be with the integer store instead of the binary one, if fewer.
    fingerprint_bits : int
        Of codes that were not stored about 2^-fingerprint_bits are taken for stored ones; 0 if all inputs are known.
    n_hyperplanes, n_hyperplanes_least : int
        Units of the first layer, and the fewest whose cells are as many as what must be told apart: the distinct
        points with separate="all", the classes with "labels".
    n_code_bits : int or None
    n_label_bits : int
    widths : tuple of int
        Units of each layer.
    n_neurons, n_weights, depth : int
    largest_integer_weight : int
        Beyond the first layer.
    nbytes : int
        Bytes of all parameters: hyperplanes and what is behind them, without the distinct labels.
    bits_per_label : float
        Bits of the store alone for each point; of all parameters where there is no store.
    smallest_distance : float
        Smallest Euclidean distance of a memorized point from a hyperplane, in the units of X, rounded down.
    relative_margin : float
        The same, relative to the largest norm of a memorized point.
    float32_safe, float64_safe : bool
        Whether an export that takes the signs in this precision, in any order of summation, is sure to return every
        memorized label.
    delta, theorem_neurons, theorem_weights : float or None
        Smallest distance of points scaled into the unit ball, 1/delta + sqrt n and d/delta + n: the sizes of Rajput et
        al. (2021, theorem 1) with constant 1 and without logarithms.
    bound_neurons, bound_weights : int or None
        What the construction's proof promises not to exceed, of "baum1988" for points in general position; none for
        "compact".
    drawn : dict
        How often hyperplanes and linear code were drawn, and for which delta; empty where the proof draws none.
    instance : str or None
        Name of the `fastmem.theory.instances.Instance` that the report was asked to compare with.
    instance_bound, instance_bound_is, instance_reason : int or float, str, str, or None
        Its `bound`, `bound_is` and `reason`. An optimum for telling labels apart is a "lower bound" for a network that
        tells all points apart, which may need more.
    is_optimal : bool or None
        Whether no fewer hyperplanes than `n_hyperplanes` separate the instance: there are as many as its bound, which
        is an optimum or a lower bound. False if there are more: then fewer are possible, or it is not known. None for
        a bound that is only a scale, and without an instance.
    label_nbytes : int or None
        Bytes of the distinct labels in a file; None for Python objects that no file holds.
    label_dtype : str
        Their dtype; "int64 (3,)" if each label has three values.
    n_columns : int
        How many of the n_features columns are read.
    n_first_layer_weights, first_layer_nbytes : int
        Weights of the hyperplanes that are not 0, and bytes of all that defines hyperplanes.
    theorem_first_layer_weights : float or None
        d/delta, the weights of the theorem's hyperplanes with constant 1 and without logarithms.
    recognise : {"cells", "rows"} or None
        By what inputs are known; None without fingerprints.
    n_recognition_hyperplanes : int
        Hyperplanes that only tell known inputs from others.
    recognition : dict or None
        What was measured when the network was built. Of `rows` inputs, named in `by`, a share of `rate` lies in the
        cell of a memorized point, and `at_most` is the end of the 95 % interval, carried by about `carried_by` of them.
        `asked` is f, as `memorize` was given it; more bits may be stored. `is_extrapolated` says whether these are too
        few to measure the rate with all hyperplanes: then `at_most` is that with a fifth fewer, or goes on as rates
        fell before, no faster than the rows' dimensions allow. `is_reached`: whether it is as low as 2^-f. `kinds` has
        the rate of other inputs by what they are.
        Fingerprints add 2^-fingerprint_bits to each rate. None where nothing was measured, as for networks of format 1.
    """

    n_points: int
    n_features: int
    n_classes: int
    construction: str
    separate: str
    store: str | None
    store_reason: str
    cells_per_bit: float | None
    integer_store_neurons: int | None
    fingerprint_bits: int
    n_hyperplanes: int
    n_hyperplanes_least: int
    n_code_bits: int | None
    n_label_bits: int
    widths: tuple[int, ...]
    n_neurons: int
    n_weights: int
    depth: int
    largest_integer_weight: int
    nbytes: int
    bits_per_label: float
    smallest_distance: float
    relative_margin: float
    float32_safe: bool
    float64_safe: bool
    delta: float | None = None
    theorem_neurons: float | None = None
    theorem_weights: float | None = None
    bound_neurons: int | None = None
    bound_weights: int | None = None
    drawn: dict[str, Any] = field(default_factory=dict)
    instance: str | None = None
    instance_bound: int | float | None = None
    instance_bound_is: str | None = None
    instance_reason: str | None = None
    is_optimal: bool | None = None
    label_nbytes: int | None = None
    label_dtype: str = ""
    n_columns: int | None = None
    n_first_layer_weights: int | None = None
    first_layer_nbytes: int | None = None
    theorem_first_layer_weights: float | None = None
    recognise: str | None = None
    n_recognition_hyperplanes: int = 0
    recognition: dict[str, Any] | None = None
    output: str | None = None
    output_error: float | None = None
    float64_error: float | None = None
    longest_integer: int | None = None
    radius: float | None = None

    _network = None  # no field: a report is its numbers

    @classmethod
    def of(cls, network, delta=None, instance=None, *, units=True):
        """Report on a `Network`; see `Network.report`. Without units nothing is said that takes its layers."""
        if delta is not None:
            delta = as_delta(delta)
        elif network.separate == "all":  # others draw for the distance of points with different labels
            delta = network.drawn.get("delta")
        n, d = network.n_points, network.n_features_in
        neurons, weights = rajput2021_sizes(n, d, delta) if delta and n else (None, None)
        report = cls(
            n_points=n,
            n_features=d,
            n_classes=len(network.classes),
            construction=network.construction,
            separate=network.separate,
            **network.store_facts(units=units),
            n_hyperplanes=network.n_hyperplanes,
            n_hyperplanes_least=hyperplanes_for_cells(network.n_told_apart, d),
            **{name: getattr(network, name) if units else None for name in _OF_UNITS},
            nbytes=network.nbytes,
            label_nbytes=label_bytes(network.classes),
            label_dtype=_label_dtype(network.classes),
            bits_per_label=network.bits_per_label,
            smallest_distance=network.smallest_distance,
            relative_margin=network.relative_margin,
            float32_safe=network.is_safe(np.float32),
            float64_safe=network.is_safe(np.float64),
            delta=delta,
            theorem_neurons=neurons,
            theorem_weights=weights,
            n_columns=len(network.columns),
            n_first_layer_weights=int(np.count_nonzero(network.hyperplanes_read.weights)),
            first_layer_nbytes=network.first_layer_nbytes,
            theorem_first_layer_weights=d / delta if delta and n else None,
            **(_proved(network, delta) if units else {}),
            drawn=network.drawn,
            **({} if instance is None else _beside_instance(network, instance)),
        )
        object.__setattr__(report, "_network", network)
        return report

    def to_dict(self) -> dict[str, Any]:
        """All attributes as a dict."""
        return asdict(self)

    def __repr__(self) -> str:
        what = f"{self.n_points:,} points of R^{self.n_features}, {self._classes_text()}"
        return f"<fastmem report: {what}, {self.n_neurons:,} neurons, {self.nbytes:,} bytes; print it>"

    def __getstate__(self):
        """The numbers: a pickle does not hold the network."""
        return {name: value for name, value in self.__dict__.items() if name != "_network"}

    @overload
    def to_html(
        self,
        path: None = None,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        title: str | None = None,
        date: str | None = None,
        n_threads: int | None = None,
    ) -> str: ...
    @overload
    def to_html(
        self,
        path: str | os.PathLike[str],
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        title: str | None = None,
        date: str | None = None,
        n_threads: int | None = None,
    ) -> None: ...
    def to_html(
        self,
        path: str | os.PathLike[str] | None = None,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        title: str | None = None,
        date: str | None = None,
        n_threads: int | None = None,
    ) -> str | None:
        """A page about the network: one file of HTML that loads nothing from anywhere.

        It shows what was built, the layers drawn to scale, bytes by part, the network beside theorems and bounds where
        delta is known, what it takes for known, and all numbers of `to_dict`, which it holds as JSON too, in the
        element with the id "report". With X it shows how far points may move, and of points of the plane the cells.
        The same network and points give the same bytes.

        Parameters
        ----------
        path : str or os.PathLike, optional
            The file to write, whole or not at all.
        X : array_like of shape (n, d), optional
            Points to ask the network about, such as those memorized.
        y : array_like of shape (n,) or (n, k), optional
            Their labels: the page then says how many of the points get theirs.
        title : str, optional
            The heading.
        date : str, optional
            What stands above it; the page names no day of its own.
        n_threads : int, optional
            All cores by default.

        Returns
        -------
        str or None
            The text, if there is no path.

        Raises
        ------
        InvalidInput
            X or y cannot be used, or the report was pickled and so has lost its network.

        Examples
        --------
        >>> import fastmem
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], ["even", "odd", "odd", "even"]
        >>> page = fastmem.memorize(X, y, random_state=0).report().to_html(X=X, y=y)
        >>> "All 4 points get the label that was given with them" in page
        True
        """
        if self._network is None:
            raise InvalidInput(
                "the report has lost its network, which neither pickles nor copies of a report hold: take the page "
                "from the network, net.report().to_html(path)"
            )
        from fastmem.network.page.whole import page_of

        text = page_of(self, self._network, X, y, title=title, date=date, n_threads=n_threads)
        return text if path is None else write_whole(path, text.encode())

    def __str__(self) -> str:
        return "\n".join(f"{name:<13} {value}" for _, rows in self._groups() for name, value in rows)

    def _repr_html_(self) -> str:
        """The rows that are printed, in groups, for a notebook."""
        groups = ((caption, list(rows)) for caption, rows in self._groups())
        return fragment(*(pairs(rows, caption=caption) for caption, rows in groups if rows))

    def _groups(self):
        """Rows of names and values, under what they are about."""
        yield "What was built", self._built_rows()
        yield "What it takes", self._size_rows()
        yield "Which inputs it knows", self._known_rows()
        yield "How far points may move", self._margin_rows()
        yield "Beside the theory", self._theory_rows()

    def summary(self) -> str:
        """The rows that say what there is and how large it is, as HTML: what a notebook shows of the network itself."""
        size = (row for row in self._size_rows() if row[0] == "size")
        bits = self.fingerprint_bits
        known = [("fingerprints", f"{bits} bits: {self._fingerprints_text()}")] if bits else []
        rows = (*self._built_rows(), *size, *known, *self._margin_rows())
        return fragment(pairs(rows, caption="fastmem network"))

    def rows_without_theory(self):
        """What was built, and margins, as rows of the printed table: pairs of a name and a text; "" goes on."""
        return [*self._built_rows(), *self._size_rows(), *self._known_rows(), *self._margin_rows()]

    def _built_rows(self):
        must_differ = "distinct points" if self.separate == "all" else "points of different classes"
        how = f"{self.construction}, {self.store} store, " if self.store else f"{self.construction}, "
        if self.n_points:
            yield "memorized", f"{self.n_points:,} points of R^{self.n_features}, {self._classes_text()}"
            yield "construction", f"{how}{must_differ} told apart"
        else:
            yield "given", f"layers that have memorized no points; {self.n_features} inputs, {self._classes_text()}"
        if self.output is None:
            least = f" (at least {self.n_hyperplanes_least:,})" if self.n_points else ""
            yield "hyperplanes", f"{self.n_hyperplanes:,}{least}"
        if self.n_columns is not None:  # not of reports that version 0.1 pickled
            which = "all" if self.n_columns == self.n_features else f"{self.n_columns:,}"
            by = f", {self._first_layer_text()}" if self.output is None else ""
            yield "columns", f"{which} of {self.n_features:,} read{by}"
        if self.n_code_bits is not None:
            yield "code", f"{self.n_code_bits} bits"
        if self.n_neurons is None:
            yield "neurons", "not counted yet: net.report() counts them"
            return
        yield "neurons", f"{self.n_neurons:,} in {self.depth:,} layers{self._widths_text()}"
        if self.output is None:
            yield "weights", f"{self.n_weights:,}, integers up to {self.largest_integer_weight:,} after layer 1"
        else:
            yield "weights", f"{self.n_weights:,}, integers of up to {self.longest_integer:,} bits"
            yield "output", self._output_text()

    def _size_rows(self):
        where = " in the store" if self.store else ""
        each = f", {self.bits_per_label:.2f} bits a label{where}" if self.n_points else ""
        yield "size", f"{self.nbytes:,} bytes{each}"
        if self.label_dtype:  # not of reports that version 0.1 pickled
            yield "labels", self._labels_text()
        if self.store:
            yield "store", self._store_text()

    def _known_rows(self):
        if self.fingerprint_bits:
            yield "fingerprints", f"{self.fingerprint_bits} bits: {self._fingerprints_text()}"
            yield from self._recognition_rows()

    def _widths_text(self):
        if self.depth > _MANY_LAYERS:
            return f" of up to {max(self.widths):,}"
        return f": {', '.join(f'{width:,}' for width in self.widths)}"

    def _classes_text(self):
        return "real labels" if self.output == "value" else f"{self.n_classes:,} classes"

    def _output_text(self):
        """What the output of units that carry numbers is, and how near to what it is to be."""
        what = {"class": "a class index, rounded", "value": "the label", "bits": "digits of a class index"}[self.output]
        if not self.n_points:
            return what
        in_float64 = f"within {self.float64_error:.2g}" if self.float64_error < math.inf else "anywhere"
        safe = "safe" if self.float64_safe else "not safe"
        near = f", inputs within {self.radius:.2g} too" if self.radius else ""
        return f"{what}: within {self.output_error:.2g} of it{near}; in float64 {in_float64}, exports are {safe}"

    def _fingerprints_text(self):
        if self.recognise == "rows":
            return f"of other rows 2^-{self.fingerprint_bits} pass, however near; this is no threshold unit"
        return f"of other cells' inputs 2^-{self.fingerprint_bits} pass"

    def _recognition_rows(self):
        """What was measured; nothing for rows, since any other row is another."""
        measured = self.recognition
        if self.recognise == "rows":
            return
        if measured is None:
            yield "recognition", "what share of other inputs lies in the cell of a memorized point was not measured"
            return
        both = min(measured["at_most"] + 2.0**-self.fingerprint_bits, 1.0)
        how = f"{self.n_recognition_hyperplanes:,} more hyperplanes"
        of = f"of {measured['rows']:,} {measured['by']} " if measured["rows"] else ""
        yield "recognition", f"{how}: {of}at most {_power(measured['at_most'])} lie in the cell of a memorized point"
        carried = f"95 %, carried by {_few(measured['carried_by'])} of them" if measured["rows"] else "not measured"
        carried += ", extrapolated" if measured["is_extrapolated"] else ""
        missed = "" if measured["is_reached"] else f"; 2^-{measured['asked']} was asked for and not reached"
        yield "", f"({carried}), {_power(both)} with fingerprints{missed}"
        kinds = ", ".join(f"{name} {_power(rate)}" for name, rate in sorted(measured["kinds"].items()))
        if kinds:
            yield "", f"{kinds}"

    def _margin_rows(self):
        if self.n_hyperplanes and self.n_points:
            safe = "float32" if self.float32_safe else "float64, not float32" if self.float64_safe else "neither float"
            margin = f"{self.smallest_distance:.3g}, {self.relative_margin:.2g} of the largest norm"
            yield "margin", f"{margin}; {safe} exports are safe"

    def _theory_rows(self):
        if self.instance:
            yield self._instance_row()
        if self.theorem_neurons is not None:
            neurons, weights = self.theorem_neurons, self.theorem_weights
            first = self.theorem_first_layer_weights
            yield "delta", f"{self.delta:.4g} in the unit ball"
            yield "theorem", "of the order of these sizes, which leave constants and logarithms out:"
            yield "", f"1/delta + sqrt n = {neurons:,.0f} neurons; {_beside(self.n_neurons, neurons)}"
            yield "", f"d/delta + n = {weights:,.0f} weights; {_beside(self.n_weights, weights)}"
            if first is not None:
                built = _beside(self.n_first_layer_weights, first)
                yield "", f"d/delta = {first:,.0f} weights of hyperplanes; {built}"
        if self.bound_neurons is not None:
            neurons, weights = self.bound_neurons, self.bound_weights
            yield "proved", f"at most {neurons:,} neurons; {_beside(self.n_neurons, neurons)}"
            yield "", f"at most {weights:,} weights; {_beside(self.n_weights, weights)}"
        if "slots" in self.drawn:
            drawn = self.drawn
            words = f"{drawn['parts'] * drawn['groups']:,} of {drawn['slots']:,} points each"
            yield "words", f"{words}, {drawn['code_bits']} bits of a code and {drawn['label_bits']} of a label"
        if "hyperplanes" in self.drawn:
            code = f", linear code {self.drawn['codes']}×" if "codes" in self.drawn else ""
            yield "drawn", f"hyperplanes {self.drawn['hyperplanes']}×{code}"

    def _instance_row(self):
        bound, m = self.instance_bound, self.n_hyperplanes
        ratio = f", {m / bound:.2f} times as many here" if bound else ""
        if self.is_optimal:
            return "optimal", f"{m:,} hyperplanes: no fewer separate these points, since {self.instance_reason}"
        if self.instance_bound_is == "scale":
            return "scale", f"about {bound:,.0f} hyperplanes{ratio}: {self.instance_reason}"
        name = "optimum" if self.instance_bound_is == "optimum" else "at least"
        return name, f"{bound:,} hyperplanes{ratio}: {self.instance_reason}"

    def _first_layer_text(self):
        return f"by {self.n_first_layer_weights:,} weights in {self.first_layer_nbytes:,} bytes"

    def _labels_text(self):
        size = "which no file holds" if self.label_nbytes is None else f"{self.label_nbytes:,} bytes besides"
        return f"{self.n_classes:,} of dtype {self.label_dtype}, {size}"

    def _store_text(self):
        if self.store == "blocks":
            return "blocks, each of linearly independent lifts, one unit a block and label bit"
        if self.store == "integer":
            scale = 2 * math.sqrt(self.n_label_bits * self.n_points / 2)
            units = f"2 sqrt(K n / 2) = {scale:,.0f} units for random labels of K = {self.n_label_bits} bits"
            return f"integer, since {self.store_reason}" if self.store_reason else f"integer, {units}"
        text = f"binary, {self.cells_per_bit:.3f} one-bit weights for each bit of the labels' codewords"
        if self.integer_store_neurons:
            text += f"; the integer store would take about {self.integer_store_neurons:,} neurons"
        return text


def _beside(number, of):
    """What was built, beside a size that is known."""
    return f"built: {number:,}, {number / of:.3g} times as many"


def _few(number):
    """A number of rows, which may be a part of one."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def _power(share):
    """A share as a power of two."""
    return "all" if share >= 1 else f"2^{math.log2(share):.1f}" if share else "none"


def _label_dtype(classes):
    return str(classes.dtype) + (f" {classes.shape[1:]}" if classes.ndim > 1 else "")


def _proved(network, delta):
    """What the proof of the construction promises not to exceed, by name; nothing where it promises nothing."""
    bound, given = AS_BUILT.get(network.construction), delta
    delta = network.drawn.get("delta", given)
    if bound is None or not network.layers or (delta is None and network.construction in DEPEND_ON_DELTA):
        return {}
    # As told apart, and for the delta drawn for, not for another one that is asked about.
    n = network.n_told_apart if network.separate == "all" else network.n_points
    size = bound(n, len(network.columns), delta, network.n_label_bits)
    return {"bound_neurons": size.neurons, "bound_weights": size.weights}


def _beside_instance(network, instance):
    """Fields on what is known about the hyperplanes that separate an instance.

    The bound is one for the network's hyperplanes if these separate the instance's points, whatever was memorized: so
    that is what is checked.
    """
    expected = network.n_points, network.n_features_in
    if instance.X.shape != expected:
        raise InvalidInput(f"{instance!r} is not what was memorized: {expected[0]} points of {expected[1]} features")
    must_differ = np.arange(len(instance.X)) if instance.separate == "all" else instance.y
    _, cells = np.unique(network.hyperplanes.signs(as_points(instance.X)), axis=0, return_inverse=True)
    order = np.argsort(cells)
    cells, must_differ = cells[order], must_differ[order]
    if np.any((cells[1:] == cells[:-1]) & (must_differ[1:] != must_differ[:-1])):
        raise InvalidInput(
            f"the network does not tell apart what {instance!r} is about: memorize its X and y, with "
            f"separate={instance.separate!r}"
        )
    kind = instance.bound_is
    if kind == "optimum" and instance.separate == "labels" and network.separate == "all":
        kind = "lower bound"
    return {
        "instance": instance.name,
        "instance_bound": instance.bound,
        "instance_bound_is": kind,
        "instance_reason": instance.reason,
        "is_optimal": None if kind == "scale" else network.n_hyperplanes == instance.bound,
    }
