"""Modules of version 0.1 by their old names: pickles made by it, and code written for it, name their classes there.

Each stands in `sys.modules` as a module that looks a name up in the modules that hold it now, when it is asked for.
"""

import importlib
import sys
import types

__all__ = ["HOMES", "leave_addresses"]

HOMES = {
    "blas": ("machine.blas",),
    "blocks": ("machine.threads",),
    "clearance": ("separate.clearance",),
    "encoder": (
        "hyperplanes.hyperplanes",
        "hyperplanes.encoder",
        "hyperplanes.code",
        "hyperplanes.margins",
        "hyperplanes.frame",
        "hyperplanes.tables",
    ),
    "environment": ("machine.floats",),
    "estimator": ("estimators.memorizing",),
    "export.arithmetic": ("export.exact_sums",),
    "export.c_layers": ("export.c.layers",),
    "export.c_text": ("export.c.text",),
    "export.graph": ("export.networkx",),
    "files": ("cli.files",),
    "given": ("network.given",),
    "jit": ("export.jit.predictor",),
    "layer": ("layers.layer",),
    "lazy": ("machine.once",),
    "parity": ("layers.parity",),
    "parquet": ("cli.parquet",),
    "points": ("data.points",),
    "progress": ("machine.progress",),
    "recognition": ("network.near_codes",),
    "report": ("network.report",),
    "room": ("machine.memory",),
    "runs": ("data.sorting",),
    "separate.exact": ("hyperplanes.passes",),
    "separate.slabs_through": ("separate.slabs",),
    "store.blocks": ("store.lifts",),
    "store.suitable": ("store.choose_features",),
    "validation": ("data.as_points", "data.as_labels", "data.options", "data.arrays"),
    "wiring": ("layers.wiring",),
}
"""Old modules, and those that hold now what they held, all without ``fastmem.`` in front."""


class _Moved(types.ModuleType):
    def __init__(self, name, homes):
        super().__init__(name, f"What was here is in {' and '.join(homes)} now.")
        self.__dict__["_homes"] = homes

    def __getattr__(self, name):
        if not name.startswith("__"):
            for home in self._homes:
                module = importlib.import_module(home)
                if hasattr(module, name):
                    return getattr(module, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


def leave_addresses():
    """Let the old modules be imported."""
    for name, homes in HOMES.items():
        name = f"fastmem.{name}"
        sys.modules.setdefault(name, _Moved(name, [f"fastmem.{home}" for home in homes]))
