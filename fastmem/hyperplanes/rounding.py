"""How far from a hyperplane rounded sums may get a sign wrong, in another runtime's arithmetic.

With points and parameters rounded first, the sum w.x of d products and its comparison with t err by at most
``gamma(d + 3) (||w|| ||x|| + |t|)``, gamma(k) = k u / (1 - k u), whatever the order of summation, if nothing over- or
underflows (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1).
"""

import math

import numpy as np

from fastmem.machine.floats import default_environment

__all__ = ["rounding_reach"]


@default_environment()
def rounding_reach(hyperplanes, dtype, norms):
    """Distance from a hyperplane beyond which signs in a float dtype are right.

    Parameters
    ----------
    hyperplanes : Hyperplanes
    dtype : {"float32", "float64"}
    norms : float64 array
        Of points.

    Returns
    -------
    float, or float64 array of the shape of norms
        Infinite where a sum may overflow.
    """
    precision = np.finfo(dtype)
    unit, terms = float(precision.eps) / 2, hyperplanes.d + 3
    weights, thresholds = hyperplanes.weights.astype(np.float64), hyperplanes.thresholds
    some = weights.any(axis=1)
    lengths = np.linalg.norm(weights[some], axis=1)
    with np.errstate(over="ignore"):  # of a hyperplane from the origin
        farthest = float((np.abs(thresholds[some]) / lengths).max(initial=0.0))
    # Where weights may be taken for 0 one by one, and where 0 >= t may change with t.
    for parameters in (np.abs(weights), np.abs(thresholds[~some])):
        if np.any((parameters > 0) & (parameters < float(precision.tiny))):
            return np.full(norms.shape, math.inf)[()]
    with np.errstate(over="ignore"):
        reach = terms * unit / (1 - terms * unit) * (norms + farthest)
        largest = max(lengths.max(initial=1.0), 1.0) * np.maximum(norms, farthest)
    reach = np.maximum(reach, terms * float(precision.tiny) / unit / min(lengths.min(initial=1.0), 1.0))
    return np.where(largest < float(precision.max) / 8, reach, math.inf)[()]
