"""fastmem beside what a user would pick instead; benchmarks/peers.py has more of them and more questions."""

import numpy as np

from .common import Timed
from .data import sphere
from .models import MODELS


class Peers(Timed):
    """100,000 points in 32 dimensions with random labels, one thread: fit, predict 1000 rows, bytes a label."""

    params = (("fastmem", "ExtraTreeClassifier(max_features=1)", "1-NN, brute force", "dict of row bytes"),)
    param_names = ("model",)

    def setup(self, name):
        self.X, _ = sphere(100_000, 32)
        self.y = np.random.default_rng(1).integers(0, 2, len(self.X))
        self.model, self.rows = MODELS[name](), self.X[:1000].copy()
        self.model.fit(self.X, self.y)

    def time_fit(self, name):
        MODELS[name]().fit(self.X, self.y)

    def time_predict_1000_rows(self, name):
        self.model.predict(self.rows)

    def track_bytes_per_label(self, name):
        return self.model.nbytes() / len(self.y)

    track_bytes_per_label.unit = "bytes"
