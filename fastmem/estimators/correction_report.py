"""What stands beside a model: how much is memorized, how often it may override the model, and what it takes."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from fastmem.html.elements import fragment, pairs

if TYPE_CHECKING:
    from typing import Any

__all__ = ["CorrectionReport", "upper_end"]


@dataclass(frozen=True, repr=False)
class CorrectionReport:
    """Of a `CorrectedClassifier` or `CorrectedRegressor`; print it.

    Attributes
    ----------
    n_rows : int
        What it was fitted on.
    n_contradictory : int
        Of these, the rows that equal another one with another label and were left to the model.
    model_accuracy : float
        Share of these rows that the model alone has right.
    n_memorized : int
        Distinct rows that the memory corrects.
    n_protected : int
        Further rows in the memory: the model is right about them, and the tolerance would give them another label.
    n_guards : int
        Rows that the memory was built not to know.
    keep_guard : bool
        Whether these rows are kept, so that later corrections leave them to the model too.
    recognise : {"cells", "rows"} or None
        How the memory knows a row: by its cell among hyperplanes, or, where that would take too many other rows for
        known ones, by all of its values. None for an empty memory.
    recognition : dict or None
        What `fastmem.memorize` measured of it, as in `Report`.
    fingerprint_bits : int
    tolerance : float
    override_rate : float
        Share of the tested guard rows that a memory built without them takes for known; NaN if none could be tested.
    override_rate_upper : float
        Upper end of a one-sided confidence interval of 95 % (Clopper & Pearson, Biometrika 26, 1934), for rows of the
        same law; 1 if none was tested.
    n_tested : int
        Half of the guard rows.
    memory_nbytes, kept_nbytes, guard_nbytes : int
        Bytes of the memory, of the memorized rows and labels that it is rebuilt from, and of the guard rows kept.
    """

    n_rows: int
    n_contradictory: int
    model_accuracy: float
    n_memorized: int
    n_protected: int
    n_guards: int
    keep_guard: bool
    recognise: str | None
    fingerprint_bits: int
    tolerance: float
    override_rate: float
    override_rate_upper: float
    n_tested: int
    memory_nbytes: int
    kept_nbytes: int
    guard_nbytes: int
    recognition: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """All attributes as a dict."""
        return asdict(self)

    def __repr__(self) -> str:
        memory = f"{self.n_memorized:,} rows memorized in {self.memory_nbytes:,} bytes" if self.recognise else "none"
        right = f"model right about {self.model_accuracy:.4%} of {self.n_rows:,} rows"
        return f"<fastmem correction report: {right}, memory: {memory}; print it>"

    def __str__(self) -> str:
        return "\n".join(f"{name:<13} {value}" for name, value in self._lines())

    def _repr_html_(self) -> str:
        """The rows that are printed, for a notebook."""
        return fragment(pairs(self._lines(), caption="Model and memory"))

    def _lines(self):
        yield "model", f"right about {self.model_accuracy:.4%} of {self.n_rows:,} rows"
        if self.n_contradictory:
            yield "left to it", f"{self.n_contradictory:,} rows that equal another one with another label"
        if self.recognise is None:
            yield "memory", "empty: every answer is the model's"
        else:
            yield "memory", f"{self.n_memorized:,} rows in {self.memory_nbytes:,} bytes, known {self._known_by()}"
        if self.n_protected:
            yield "", f"and {self.n_protected:,} rows about which the model is right, in reach of the tolerance"
        if self.recognise is not None:
            yield "overrides", self._overrides()
        yield "kept", f"{self.kept_nbytes:,} bytes of memorized rows, to build it anew"
        yield "guard", self._guard()

    def _known_by(self):
        if self.recognise == "rows":
            return f"by all of their values and {self.fingerprint_bits} bits: equal rows alone"
        near = f", within {self.tolerance:g} of their own" if self.tolerance else ""
        return f"by their cells{near} and {self.fingerprint_bits} bits"

    def _overrides(self):
        if not self.n_tested:
            return "not measured: there were too few rows about which the model is right"
        most = f"at most {self.override_rate_upper:.2g} with 95 % certainty"
        return f"{self.override_rate:.2g} of {self.n_tested:,} rows held out; {most}"

    def _guard(self):
        if self.keep_guard:
            return f"{self.n_guards:,} rows stay the model's, kept in {self.guard_nbytes:,} bytes"
        return (
            f"{self.n_guards:,} rows stayed the model's; they are not kept, and corrections made later may change that"
        )


def upper_end(count, n):
    """Upper end of the one-sided confidence interval of 95 % for a share, of which `count` in `n` were seen.

    Examples
    --------
    >>> round(upper_end(0, 300), 4), upper_end(0, 0)  # nearly 3 / n: the rule of three
    (0.0099, 1.0)
    """
    from scipy.special import betaincinv

    return 1.0 if count >= n or math.isnan(count) else float(betaincinv(count + 1, n - count, 0.95))
