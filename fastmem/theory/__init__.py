"""What the theorems ask for and what cannot be beaten.

`separation` of a point set, `bounds` on sizes, `instances`: data sets whose optimum is known or bounded, and `scaling`:
how measured sizes grow.
"""

from fastmem.theory import bounds, instances, scaling, separation

__all__ = ["bounds", "instances", "scaling", "separation"]
