"""How many examples hypothesis tries: all of them in .ci/run, a share by default, so that a developer waits less.

``FASTMEM_EXAMPLES=1 pytest`` tries all; any other number is the share of them, or how many times as many.
"""

import os

from hypothesis import settings

__all__ = ["examples"]

SHARE = float(os.environ.get("FASTMEM_EXAMPLES", "0.3"))


def examples(n, **options):
    """Settings of a property test of n examples at full strength."""
    return settings(deadline=None, max_examples=max(round(n * SHARE), 1), **options)
