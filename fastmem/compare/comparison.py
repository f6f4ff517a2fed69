"""What `fastmem.compare` returns: numbers of each construction, and the networks."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, overload

from fastmem.compare.tables import as_csv, as_frame, as_html, as_latex, as_text, not_built
from fastmem.html.elements import element, fragment
from fastmem.machine.disk import write_whole

if TYPE_CHECKING:
    import os
    from typing import Any

    import pandas

    from fastmem.network import Network

__all__ = ["Built", "Comparison"]


@dataclass(frozen=True)
class Built:
    """One construction on the data: of several seeds, means of what varies.

    Attributes
    ----------
    name : str
    neurons, weights, depth, hyperplanes : int, float or None
        Of the network; None if it could not be built. Means that are whole, because all seeds agree, are int.
    largest_integer_weight : int or None
        Of all seeds.
    bits : float or None
        Bits of all parameters for each point.
    build_seconds : float or None
        With the verification.
    predictions_per_second : float or None
        Best of three calls with all points.
    smallest_distance : float or None
        The smallest certified radius of a memorized point: its distance from a hyperplane, in the units of X. None for
        a network that certifies none.
    bound : int or None
        Neurons that a theorem promises for (n, d, delta), with all constants: the construction's own, or for "compact"
        that of rajput2021, where both tell the same points apart.
    ratio : float or None
        neurons / bound.
    reason : str
        Why the network could not be built, with one of the seeds, or "".
    hyperplanes_least : int or None
        No network that tells apart as many classes or points as this one (`Network.n_told_apart`) has fewer.
    longest_integer : int, float or None
        Bits of the longest integer parameter, weight or threshold, behind the first layer.
    float64_safe : bool or None
        Whether arithmetic in float64 is sure to return every memorized label, for all seeds (`Network.is_safe`).
    deviations : dict
        Standard deviations of what varies from seed to seed, by its name, estimated from the seeds (with k - 1 in the
        denominator).
    """

    name: str
    neurons: int | float | None = None
    weights: int | float | None = None
    largest_integer_weight: int | None = None
    depth: int | float | None = None
    hyperplanes: int | float | None = None
    bits: float | None = None
    build_seconds: float | None = None
    predictions_per_second: float | None = None
    smallest_distance: float | None = None
    bound: int | None = None
    ratio: float | None = None
    reason: str = ""
    hyperplanes_least: int | None = None
    longest_integer: int | float | None = None
    float64_safe: bool | None = None
    deviations: dict[str, float] = field(default_factory=dict, hash=False)

    def __setstate__(self, state):
        self.__dict__.update({"deviations": {}} | state)  # which pickles of 0.1 have not

    def _repr_html_(self) -> str:
        """The row of the table, for a notebook."""
        return fragment(as_html([self]))


@dataclass(frozen=True, repr=False)
class Comparison:
    """What `compare` returns: print it, or take it as a table of another kind.

    Attributes
    ----------
    n_points, n_distinct, n_features, n_classes : int
    delta : float or None
        Smallest distance of two distinct points scaled into the unit ball; None if there are no two, or nothing depends
        on it.
    hyperplanes_least : int
        No network that tells the classes apart has fewer hyperplanes; each row has the bound for what its network tells
        apart, which are all distinct points for "rajput2021".
    rows : tuple of Built
    networks : dict
        The networks that could be built, by name: those of the first seed.
    seeds : tuple of int
        What each construction was built with, as ``memorize(..., random_state=seed)``.
    delta_of_labels : float or None
        The smallest distance of two points with different labels, in the same way.
    """

    n_points: int
    n_distinct: int
    n_features: int
    n_classes: int
    delta: float | None
    hyperplanes_least: int
    rows: tuple[Built, ...]
    networks: dict[str, Network] = field(compare=False)
    seeds: tuple[int, ...] = ()
    delta_of_labels: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """All attributes but the networks, as plain values."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("rows", "networks")}
        return values | {"rows": [asdict(row) for row in self.rows], "seeds": list(self.seeds)}

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame with a row for each construction, by its name, and a column for each attribute of `Built`.

        What varies from seed to seed has a column of standard deviations beside it, as "neurons_deviation".

        Returns
        -------
        pandas.DataFrame
            Whole numbers as Int64 and yes or no as boolean, which may be missing, other numbers as float64. Integers
            beyond 64 bits are Python's.

        Raises
        ------
        ImportError
            There is no pandas.
        """
        return as_frame(self.rows)

    @overload
    def to_csv(self, path: None = None) -> str: ...

    @overload
    def to_csv(self, path: str | os.PathLike[str]) -> None: ...

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str | None:
        """Values separated by commas: the rows and columns of `to_pandas`, numbers in all their digits.

        Parameters
        ----------
        path : str or os.PathLike, optional
            The file to write, whole or not at all.

        Returns
        -------
        str or None
            The text, if there is no path.

        Examples
        --------
        >>> import fastmem
        >>> comparison = fastmem.compare([[0], [1], [2]], ["a", "b", "a"], constructions=["baum1988"], random_state=0)
        >>> comparison.to_csv()[:29]
        'name,neurons,weights,largest_'
        """
        text = as_csv(self.rows)
        return text if path is None else write_whole(path, text.encode())

    def to_latex(self) -> str:
        r"""The table as a tabular of LaTeX, for the package booktabs: ``\usepackage{booktabs}``.

        Columns are those of the table that is printed; deviations follow their means. Why a network could not be built
        is in the rows, and not in the table.

        Returns
        -------
        str
            From ``\begin{tabular}`` to ``\end{tabular}``.

        Examples
        --------
        >>> import fastmem
        >>> comparison = fastmem.compare([[0], [1], [2]], ["a", "b", "a"], constructions=["baum1988"], random_state=0)
        >>> print(comparison.to_latex()[:20])
        \begin{tabular}{lrrr
        """
        return as_latex(self.rows)

    def __repr__(self) -> str:
        built = sum(not row.reason for row in self.rows)
        points = f"{self.n_points:,} points of R^{self.n_features}, {self.n_classes:,} classes"
        return f"<fastmem comparison: {built} of {len(self.rows)} networks built of {points}; print it>"

    def to_text(self, width: int | None = None) -> str:
        """What is printed, folded where it is wider than a terminal.

        Parameters
        ----------
        width : int, optional
            Columns of the terminal.

        Returns
        -------
        str

        Examples
        --------
        >>> import fastmem
        >>> comparison = fastmem.compare([[0], [1], [2]], ["a", "b", "a"], constructions=["baum1988"], random_state=0)
        >>> max(map(len, comparison.to_text(width=60).splitlines())) <= 60
        True
        """
        built = [row for row in self.rows if not row.reason]
        lines = as_text(built, width) + _wrapped(self._reasons(), width)
        parts = (_wrapped([self._head()], width), lines, _wrapped(self._notes(built), width))
        return "\n\n".join("\n".join(part) for part in parts if part)

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        """What is printed, with a table and what its headings mean below, for a notebook."""
        built = [row for row in self.rows if not row.reason]
        notes = (element("p", note, class_="note") for note in (*self._reasons(), *self._notes(built)))
        return fragment(element("p", self._head()), as_html(self.rows), *notes)

    def _reasons(self):
        """Why networks could not be built."""
        return [f"{row.name} {not_built(row)}" for row in self.rows if row.reason]

    def _head(self):
        """What was memorized."""
        head = f"{self.n_points:,} points of R^{self.n_features} ({self.n_distinct:,} distinct)"
        head += f", {self.n_classes:,} classes"
        if self.delta is not None:
            head += f", delta = {self.delta:.3g} in the unit ball"
        if self.delta_of_labels is not None:
            head += f", labels {self.delta_of_labels:.3g} apart"
        if len(self.seeds) > 1:
            head += f"; means over {len(self.seeds):,} seeds, and ± standard deviations"
        return head

    def _notes(self, built):
        """What the headings mean."""
        if any(row.longest_integer is not None for row in built):
            yield (
                "longest integer: bits of the longest weight or threshold behind the first layer, and of all layers "
                "where units carry numbers"
            )
            yield "exact in float64: its arithmetic is sure to return every memorized label"
        if any(row.bound is not None for row in built):
            yield "theorem's neurons: as many suffice, for points as it asks for, to tell apart what the network does"
        if any(row.hyperplanes_least is not None for row in built):
            yield (
                "at least: the fewest hyperplanes whose cells are as many as the classes, or points, told apart "
                "(Schläfli)"
            )
        elif any(row.hyperplanes is not None for row in built):  # a pickle of 0.1, which has one bound
            least = f"at least {self.hyperplanes_least:,} hyperplanes tell {self.n_distinct:,} points apart"
            yield f"lower bound: {least}, by the number of their cells (Schläfli)"


def _wrapped(lines, width):
    """The lines, each as several of at most this width, if there is one."""
    if width is None:
        return list(lines)
    return [part for line in lines for part in textwrap.wrap(line, width)]
