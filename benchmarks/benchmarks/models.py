"""What a user would pick instead: fastmem and its peers behind one interface, each on one thread.

A model has ``fit(X, y)``, ``predict(X)``, and ``nbytes()``: what it takes when it is saved. Points are float32 or
float64, labels are integers from 0.
"""

import os
import pickle
import tempfile
import time

import numpy as np

__all__ = ["MODELS"]


class Fastmem:
    """`fastmem.memorize` as it comes."""

    def fit(self, X, y):
        import fastmem

        self.net = fastmem.memorize(X, y, random_state=0, n_threads=1)

    def predict(self, X):
        return self.net.predict(X, n_threads=1)

    def nbytes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "net.safetensors")
            self.net.save(path)
            return os.path.getsize(path)


class HashOfRows:
    """A hash of each row's numbers, and fastmem's ribbons of labels and fingerprints; -1 for rows it does not hold.

    What stays of a memorizing network for those who only ever ask for equal rows.
    """

    def fit(self, X, y):
        from fastmem.hyperplanes.recognition import hashes_of
        from fastmem.store import Filter, build_store

        self.hashes_of = hashes_of
        hashes = hashes_of(X)
        order = np.argsort(hashes)
        self.labels, _ = build_store("binary", hashes[order], y[order].astype(np.int32), 62, int(y.max()) + 1)
        self.fingerprints = Filter.recognising(hashes[order], 62, 16)

    def predict(self, X):
        hashes = self.hashes_of(X)
        return np.where(self.fingerprints.accepts(hashes), self.labels.lookup(hashes), -1)

    def nbytes(self):
        features = self.fingerprints.ribbon.features.tensors()
        tensors = (self.labels.tensors() | features).values(), self.fingerprints.tensors().values()
        return sum(tensor.nbytes for some in tensors for tensor in some)


class Estimator:
    """A scikit-learn estimator."""

    def fit(self, X, y):
        self.estimator = self.make().fit(X, y)

    def predict(self, X):
        return self.estimator.predict(X)

    def nbytes(self):
        return len(pickle.dumps(self.estimator))


class ExtraTree(Estimator):
    """One tree with random splits of random features, grown until it is pure."""

    def make(self):
        from sklearn.tree import ExtraTreeClassifier

        return ExtraTreeClassifier(max_features=1, random_state=0)


class DecisionTree(Estimator):
    """One tree with the best split of all features, grown until it is pure."""

    def make(self):
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(random_state=0)


class NearestNeighbour(Estimator):
    """Exact search for the nearest memorized point."""

    def make(self):
        from sklearn.neighbors import KNeighborsClassifier

        return KNeighborsClassifier(1, algorithm="brute", n_jobs=1)


class Dict:
    """A Python dict from the bytes of a row to its label; -1 for rows it does not hold."""

    def fit(self, X, y):
        self.labels = dict(zip(self._keys(X), y.tolist(), strict=True))

    def predict(self, X):
        label = self.labels.get
        return np.array([label(key, -1) for key in self._keys(X)])

    def nbytes(self):
        return len(pickle.dumps(self.labels))

    @staticmethod
    def _keys(X):
        X = np.ascontiguousarray(X)
        return X.view(np.dtype((np.void, X.strides[0])))[:, 0].tolist()


_MEMORIZING = {
    "min_data_in_leaf": 1, "min_data_in_bin": 1, "lambda_l2": 0.0, "min_gain_to_split": 0.0, "learning_rate": 0.5,
    "histogram_pool_size": 4096, "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1,
}  # fmt: skip


class LightGBM:
    """Boosted trees with a leaf for each eighth row, 16384 at most, and nothing that holds them back from memorizing.

    The last round is that after which every label is right, or `SECONDS` are over, or the one numbered `ROUNDS`.
    """

    ROUNDS, SECONDS = 100, 60

    def fit(self, X, y):
        import lightgbm

        n_classes = int(y.max()) + 1
        task = {"objective": "binary"} if n_classes == 2 else {"objective": "multiclass", "num_class": n_classes}
        parameters = _MEMORIZING | task | {"num_leaves": min(max(len(X) // 8, 31), 16384)}
        self.booster = lightgbm.Booster(parameters, lightgbm.Dataset(X, y, params=parameters))
        start = time.perf_counter()
        for _ in range(self.ROUNDS):
            stopped = self.booster.update()
            if stopped or time.perf_counter() - start > self.SECONDS or self._is_exact(X, y):
                break

    def _is_exact(self, X, y):
        # Most rounds end after the first thousand rows.
        return all(np.array_equal(self.predict(X[rows]), y[rows]) for rows in (slice(1000), slice(None)))

    def predict(self, X):
        scores = self.booster.predict(X, num_threads=1)
        return (scores > 0.5).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)

    def nbytes(self):
        return len(self.booster.model_to_string())


class Faiss:
    """faiss's exact search for the nearest memorized point."""

    def fit(self, X, y):
        import faiss

        faiss.omp_set_num_threads(1)
        self.index, self.y = faiss.IndexFlatL2(X.shape[1]), y
        self.index.add(np.ascontiguousarray(X, np.float32))

    def predict(self, X):
        return self.y[self.index.search(np.ascontiguousarray(X, np.float32), 1)[1][:, 0]]

    def nbytes(self):
        import faiss

        return faiss.serialize_index(self.index).nbytes + len(self.y)


MODELS = {
    "fastmem": Fastmem,
    "hash of rows and the same ribbons": HashOfRows,
    "ExtraTreeClassifier(max_features=1)": ExtraTree,
    "DecisionTreeClassifier": DecisionTree,
    "1-NN, brute force": NearestNeighbour,
    "dict of row bytes": Dict,
    "LightGBM": LightGBM,
    "faiss.IndexFlatL2": Faiss,
}
