"""What the theorems ask for and what cannot be beaten.

`separation` of a point set, `bounds` on sizes, and `instances`: data sets whose optimum is known or bounded.
"""

from fastmem.theory import bounds, instances, separation

__all__ = ["bounds", "instances", "separation"]
