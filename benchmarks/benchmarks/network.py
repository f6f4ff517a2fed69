"""Building, predicting, and the sizes of what was built."""

import tempfile
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import fastmem
from fastmem.points import Points

from .data import DATA, labelled_points

# The reference X @ W gets one thread, as fastmem does.
threadpool_limits(1)


class Memorize:
    """`memorize`, verified, one thread, beside one float32 ``X @ W`` of the same shape."""

    params = (tuple(DATA),)
    param_names = ("data",)
    timeout = 300

    def setup(self, name):
        self.X, self.y = labelled_points(name)
        self.X32 = self.X.astype(np.float32)
        self.net = fastmem.memorize(self.X, self.y, random_state=0)
        self.W = np.ascontiguousarray(self.net.encoder.hyperplanes.weights.T)

    def time_memorize(self, name):
        fastmem.memorize(self.X, self.y, random_state=0, n_threads=1)

    def time_matrix_product(self, name):
        _ = self.X32 @ self.W

    def peakmem_memorize(self, name):
        fastmem.memorize(self.X, self.y, random_state=0)

    def track_hyperplanes(self, name):
        return self.net.n_hyperplanes

    def track_neurons(self, name):
        return self.net.n_neurons

    def track_bits_per_label(self, name):
        return self.net.bits_per_label


class Predict:
    """`predict` and its parts, one thread, beside one float32 ``X @ W`` of the same shape."""

    params = (tuple(DATA),)
    param_names = ("data",)
    timeout = 300

    def setup(self, name):
        X, y = labelled_points(name)
        self.net = fastmem.memorize(X, y, random_state=0)
        self.X, self.points = X, Points(X)
        self.X32, self.W = X.astype(np.float32), np.ascontiguousarray(self.net.encoder.hyperplanes.weights.T)
        self.codes = self.net.codes(X)

    def time_predict(self, name):
        self.net.predict(self.X, n_threads=1)

    def time_one_row(self, name):
        self.net.predict(self.X[:1], n_threads=1)

    def time_codes(self, name):
        self.net.codes(self.X, n_threads=1)

    def time_lookup(self, name):
        self.net.store.lookup(self.codes)

    def time_forward_1000_rows(self, name):
        self.net.forward(self.X[:1000], n_threads=1)

    def time_certified_radius(self, name):
        self.net.certified_radius(self.X, n_threads=1)

    def time_matrix_product(self, name):
        _ = self.X32 @ self.W

    def _share(self, step):
        steps = self.net.encoder.hyperplanes.sign_steps(self.points)
        return 100 * steps[step] / sum(steps.values())

    def track_percent_of_signs_in_float64(self, name):
        return self._share("float64")

    def track_percent_of_signs_in_integers(self, name):
        return self._share("exact")


class Files:
    """Saving and loading."""

    def setup(self):
        self.net = fastmem.memorize(*labelled_points("sphere 100k×16"), random_state=0)
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "net.safetensors"
        self.net.save(self.path)

    def teardown(self):
        self.folder.cleanup()

    def time_save(self):
        self.net.save(self.path)

    def time_load(self):
        fastmem.load(self.path)

    def track_file_bytes(self):
        return self.path.stat().st_size


class FirstCall:
    """A fresh process: import, and memorize 1000×16."""

    def timeraw_import(self):
        return "import fastmem"

    def timeraw_import_numpy(self):
        return "import numpy"

    def timeraw_memorize_1000_points(self):
        return """
        import numpy as np, fastmem
        fastmem.memorize(np.random.default_rng(0).normal(size=(1000, 16)), np.arange(1000) % 2)
        """
