"""Building, predicting, threads, files, and the sizes of what was built."""

import inspect
import tempfile
from pathlib import Path

import numpy as np

import fastmem

from .common import OnNetworks, Timed, part
from .data import ODD_SHAPES, gaussian, image_patches, labelled_points


class Memorize(OnNetworks):
    """`memorize`, verified, one thread, beside one float32 ``X @ W`` of the shape of the sign pass."""

    def time_memorize(self, name):
        fastmem.memorize(self.X, self.y, random_state=0, n_threads=1)

    def time_matrix_product(self, name):
        self.multiply()

    def peakmem_memorize(self, name):
        fastmem.memorize(self.X, self.y, random_state=0, n_threads=1)

    def peakmem_data_alone(self, name):
        pass


class OddShapes(Timed):
    """`memorize` of points that no search for the best next hyperplane suits, and how many hyperplanes it took."""

    params = (tuple(ODD_SHAPES),)
    param_names = ("points",)

    def setup(self, name):
        self.X, self.y = ODD_SHAPES[name]()

    def time_memorize(self, name):
        fastmem.memorize(self.X, self.y, random_state=0, n_threads=1)

    def track_hyperplanes(self, name):
        return fastmem.memorize(self.X, self.y, random_state=0, n_threads=1).n_hyperplanes

    track_hyperplanes.unit = "hyperplanes"


class FewColumns(Timed):
    """Points of many columns: what choosing few of them gives, beside reading all."""

    params = (("patches", "Gaussian 50k×784"), ("auto", "all"))
    param_names = ("data", "columns")

    def setup(self, name, columns):
        if "columns" not in inspect.signature(fastmem.memorize).parameters:
            raise NotImplementedError("this commit reads all columns")
        self.X = image_patches()[0] if name == "patches" else gaussian(50_000, 784)
        self.y = np.random.default_rng(1).integers(0, 2, len(self.X))
        self.net = self.memorized(columns)

    def memorized(self, columns):
        return fastmem.memorize(self.X, self.y, separate="all", columns=columns, random_state=0, n_threads=1)

    def time_memorize(self, name, columns):
        self.memorized(columns)

    def time_predict(self, name, columns):
        self.net.predict(self.X, n_threads=1)

    def track_bytes_a_label(self, name, columns):
        return self.net.nbytes / len(self.X)

    track_bytes_a_label.unit = "bytes"

    def track_weights_of_hyperplanes(self, name, columns):
        return int(np.count_nonzero(self.net.hyperplanes.weights))

    track_weights_of_hyperplanes.unit = "weights"


class Sizes(OnNetworks):
    """What was built, and the share of signs that float32 left to float64 and that left to integers."""

    def track_hyperplanes(self, name):
        return self.net.n_hyperplanes

    track_hyperplanes.unit = "hyperplanes"

    def track_neurons(self, name):
        return self.net.n_neurons

    track_neurons.unit = "neurons"

    def track_bits_per_label(self, name):
        return self.net.bits_per_label

    track_bits_per_label.unit = "bits"

    def track_percent_of_signs_in_float64(self, name):
        return self._percent("float64")

    track_percent_of_signs_in_float64.unit = "%"

    def track_percent_of_signs_in_integers(self, name):
        return self._percent("exact")

    track_percent_of_signs_in_integers.unit = "%"

    def _percent(self, step):
        steps = self.net.hyperplanes.sign_steps(part("fastmem.points", "Points")(self.X))
        return 100 * steps[step] / sum(steps.values())


class Predict(OnNetworks):
    """`predict` and its two parts, one thread, beside one float32 ``X @ W`` of the shape of the sign pass."""

    def setup(self, name):
        super().setup(name)
        self.codes = self.net.codes(self.X)

    def time_predict(self, name):
        self.net.predict(self.X, n_threads=1)

    def time_codes(self, name):
        self.net.codes(self.X, n_threads=1)

    def time_lookup(self, name):
        self.net.store.lookup(self.codes)

    def time_matrix_product(self, name):
        self.multiply()


class OtherAnswers(OnNetworks):
    """Every unit of the network, and the distances to the hyperplanes."""

    params = (("digits", "sphere 100k×16"),)

    def time_forward_1000_rows(self, name):
        self.net.forward(self.X[:1000], n_threads=1)

    def time_certified_radius(self, name):
        self.net.certified_radius(self.X, n_threads=1)


class SmallCalls(Timed):
    """200 calls of `predict` with few rows in 64 dimensions, beside ``X @ W``: what a call costs before it computes.

    Many calls in one benchmark, since asv's own loop adds more to each than it takes.
    """

    params = ((1, 100),)
    param_names = ("rows",)
    calls = 200

    def setup(self, rows):
        X = gaussian(10_000, 64)
        self.net = fastmem.memorize(X, np.arange(len(X)) % 2, random_state=0)
        self.X, self.W = X[:rows], np.ascontiguousarray(self.net.hyperplanes.weights.T)

    def time_200_predictions(self, rows):
        for _ in range(self.calls):
            self.net.predict(self.X)

    def time_200_matrix_products(self, rows):
        for _ in range(self.calls):
            _ = self.X @ self.W


class Threads(Timed):
    """`predict` of 1,000,000 points in 64 dimensions."""

    params = ((1, 2),)
    param_names = ("threads",)

    def setup_cache(self):
        X = gaussian(1_000_000, 64)
        fastmem.memorize(X, np.random.default_rng(1).integers(0, 2, len(X)), random_state=0).save("net.safetensors")

    def setup(self, n_threads):
        self.X, self.net = gaussian(1_000_000, 64), fastmem.load("net.safetensors")

    def time_predict(self, n_threads):
        self.net.predict(self.X, n_threads=n_threads)


class Files(Timed):
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

    track_file_bytes.unit = "bytes"


class FirstCall(Timed):
    """A fresh process: import, and memorize 1000×16."""

    repeat = (2, 5, 1.0)

    def timeraw_import(self):
        return "import fastmem"

    def timeraw_import_numpy(self):
        return "import numpy"

    def timeraw_memorize_1000_points(self):
        return """
        import numpy as np, fastmem
        fastmem.memorize(np.random.default_rng(0).normal(size=(1000, 16)), np.arange(1000) % 2)
        """


class Theorems(Timed):
    """The papers' constructions on 100,000 points of the sphere in R^64, delta = 0.5, one thread: time and sizes."""

    params = (("rajput2021", "baum1988"),)
    param_names = ("construction",)

    def setup(self, name):
        part("fastmem", "LayeredNetwork")
        X, y = labelled_points("sphere 200k×64")
        self.X, self.y = X[:100_000], y[:100_000]
        self.options = {"construction": name, "random_state": 0, "n_threads": 1}
        if name == "rajput2021":
            self.options["delta"] = 0.5
        self.net = fastmem.memorize(self.X, self.y, **self.options)

    def time_memorize(self, name):
        fastmem.memorize(self.X, self.y, **self.options)

    def time_predict(self, name):
        self.net.predict(self.X, n_threads=1)

    def track_neurons(self, name):
        return self.net.n_neurons

    track_neurons.unit = "neurons"

    def track_weights(self, name):
        return self.net.n_weights

    track_weights.unit = "weights"


class Numbers(Timed):
    """Units that carry numbers, 3,000 points of the sphere in R^64 with random labels, one thread: time and sizes."""

    params = (("yun2019", "bubeck2020"),)
    param_names = ("construction",)

    def setup(self, name):
        part("fastmem", "NumberNetwork")
        X, y = labelled_points("sphere 200k×64")
        self.X, self.y = X[:3000], y[:3000]
        self.options = {"construction": name, "random_state": 0, "n_threads": 1}
        self.net = fastmem.memorize(self.X, self.y, **self.options)

    def time_memorize(self, name):
        fastmem.memorize(self.X, self.y, **self.options)

    def time_predict(self, name):
        self.net.predict(self.X, n_threads=1)

    def time_forward(self, name):
        self.net.forward(self.X, n_threads=1)

    def track_neurons(self, name):
        return self.net.n_neurons

    track_neurons.unit = "neurons"

    def track_bits(self, name):
        return self.net.bits_per_label

    track_bits.unit = "bits a label"
