"""Every construction on one data set, side by side: built, verified, measured, beside what its theorem asks for.

contestants   who is compared, with which options of `fastmem.memorize`, and by which theorem it is measured
measure       `compare`: networks for each seed, their sizes and times, means and deviations
comparison    what that returns: `Comparison`, and a `Built` for each contestant
tables        how it is shown: as text, for LaTeX, as values separated by commas
"""

from fastmem.compare.comparison import Built, Comparison
from fastmem.compare.contestants import CONTESTANTS, Contestant
from fastmem.compare.measure import compare

__all__ = ["CONTESTANTS", "Built", "Comparison", "Contestant", "compare"]
