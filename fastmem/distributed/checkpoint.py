"""What a driver knows after each round, in a file: a build that finds it goes on where another one ended.

That is a few kilobytes: hyperplanes, columns of the code, the state of the generator. Codes are made again by a pass
over the points.
"""

import hashlib
import io
import json
import os

import numpy as np

from fastmem.data.reading import Reading
from fastmem.errors import InvalidInput
from fastmem.machine.disk import write_whole

__all__ = ["Checkpoint"]

_NAME = "fastmem-build.npz"


class Checkpoint:
    """The state of a build, if it is to be kept.

    Parameters
    ----------
    folder : str, os.PathLike or None
    about : dict
        What a build has to have in common with one that goes on: plain values.
    """

    def __init__(self, folder, about):
        if folder is not None and not isinstance(folder, str | os.PathLike):
            raise InvalidInput(f"resume must name a folder, not {folder!r:.100}")
        self._path = None if folder is None else os.path.join(os.fspath(folder), _NAME)
        self._about = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        if folder is not None and not os.path.isdir(folder):
            raise InvalidInput(
                f"resume is {os.fspath(folder)!r:.200}, which is no folder: make it, or name another one"
            )

    def write(self, build, is_last):
        """Keep the state after a round; `is_last` says whether all open points are with the driver already."""
        if self._path is None:
            return
        plain = {
            "about": self._about, "is_last": is_last, "draw": build.samples.draw,
            "generator": build.random_state.bit_generator.state, "is_searched": build.is_searched,
            "coded_bits": build.coded_bits,
        }  # fmt: skip
        arrays = {"weights": build.weights, "thresholds": build.thresholds, "columns": build.columns}
        arrays |= {"centre": build.frame[0], "exponents": build.frame[1]}
        if build.reading is not None:
            arrays["reading"] = build.reading.columns
        file = io.BytesIO()
        np.savez(file, plain=np.frombuffer(json.dumps(plain).encode(), np.uint8), **arrays)
        write_whole(self._path, file.getvalue())

    def read(self, build):
        """Give a build the state of one that ended; None if there is none, else whether that was at its last points."""
        if self._path is None or not os.path.exists(self._path):
            return None
        try:
            with np.load(self._path, allow_pickle=False) as arrays:
                held = {name: arrays[name] for name in arrays.files}
            plain = json.loads(held["plain"].tobytes())
        except (ValueError, KeyError, OSError) as error:
            raise InvalidInput(f"{self._path} is no state of a build: remove it") from error
        if plain["about"] != self._about:
            raise InvalidInput(
                f"{self._path} is the state of a build of other points, labels or options: remove it, or name another "
                "folder"
            )
        build.weights, build.thresholds, build.columns = held["weights"], held["thresholds"], held["columns"]
        build.frame = held["centre"], held["exponents"]
        if "reading" in held:
            build.reading = Reading(held["reading"], build.executor.d)
        build.coded_bits = plain["coded_bits"]
        build.random_state.bit_generator.state = plain["generator"]
        build.samples.draw, build.is_searched = plain["draw"], plain["is_searched"]
        return plain["is_last"]

    def remove(self):
        """Nothing is left of a build that is done."""
        if self._path is not None and os.path.exists(self._path):
            os.unlink(self._path)
