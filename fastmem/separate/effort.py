"""How hard to search for few hyperplanes."""

from dataclasses import dataclass, replace

__all__ = ["EFFORTS", "Effort"]


@dataclass(frozen=True)
class Effort:
    """What one choice of a hyperplane, and the trimming after all choices, may cost.

    Attributes
    ----------
    least_points, most_points : int
        Points a round looks at: 256 d, but so many at least and at most (16 d where that is more).
    directions : int
        Gaussian directions tried for each hyperplane.
    pencils : int
        Pencils of hyperplanes through midpoints tried for each hyperplane.
    pencil_numbers : int
        Coordinates of these pairs, at most, for more than one pencil: in many dimensions one is as good as several.
    near_pairs : int
        Differences of near points tried for each hyperplane, in few dimensions.
    clusters : bool
        Whether hyperplanes through many clusters are tried: only large samples show these well.
    coarse : float
        Points a bucket of the sample above which few hyperplanes are tried: then all that halve it are alike.
    looks_ahead : bool
        Whether hyperplanes are drawn for what a sample cannot show.
    stop : float
        Share of the open points at which a round ends: fewer rounds are fewer passes over the points, more are more
        samples.
    closer : int
        Times as many points and candidates are looked at in three dimensions or fewer, and where hyperplanes are many
        already: each splits few of very many buckets there, and what it splits differs much.
    whiten_every : int
        Hyperplanes after which a round computes the covariance of the open points anew.
    midpoint_prior : float
        How likely hyperplanes through midpoints are tried at first: solving for d pairs takes d^3 steps.
    trimming, trimming_a_point : float
        How long hyperplanes are trimmed afterwards: about in nanoseconds, a constant and for each point.
    """

    least_points: int
    most_points: int
    directions: int
    pencils: int
    pencil_numbers: int
    near_pairs: int
    clusters: bool
    coarse: float
    looks_ahead: bool
    stop: float
    closer: int
    whiten_every: int
    midpoint_prior: float
    trimming: float
    trimming_a_point: float

    def sample_points(self, d):
        """Points in R^d that a round looks at, at least."""
        return max(min(max(256 * d, self.least_points), self.most_points), 16 * d)

    def looking_closer(self):
        """The same where hyperplanes are many."""
        return replace(
            self,
            least_points=self.closer * self.least_points,
            directions=self.closer * self.directions,
            pencils=self.closer * self.pencils,
            near_pairs=self.closer * self.near_pairs,
        )

    def trim_work(self, n):
        """Work allowed for trimming n points: none but where few hyperplanes count for more than time.

        One build and ten predictions of the same rows multiply each by a hyperplane eleven times, which one step of
        trimming costs too. A hyperplane takes tens of steps, and saves its d weights beside.
        """
        return self.trimming + n * self.trimming_a_point


EFFORTS = {
    "fast": Effort(
        least_points=2048,
        most_points=2048,
        directions=6,
        pencils=2,
        pencil_numbers=2**17,
        near_pairs=2,
        clusters=False,
        coarse=16,
        looks_ahead=True,
        midpoint_prior=0.1,
        stop=0.03,
        closer=1,
        whiten_every=16,
        trimming=0.0,
        trimming_a_point=0.0,
    ),
    "balanced": Effort(
        least_points=2048,
        most_points=4096,
        directions=6,
        pencils=6,
        pencil_numbers=2**12,
        near_pairs=4,
        clusters=False,
        coarse=16,
        looks_ahead=True,
        midpoint_prior=1.0,
        stop=0.03,
        closer=2,
        whiten_every=8,
        trimming=0.0,
        trimming_a_point=0.0,
    ),
    "small": Effort(
        least_points=16384,
        most_points=16384,
        directions=24,
        pencils=24,
        pencil_numbers=2**17,
        near_pairs=24,
        clusters=True,
        coarse=64,
        looks_ahead=False,
        midpoint_prior=1.0,
        stop=0.4,
        closer=1,
        whiten_every=1,
        trimming=6e7,
        trimming_a_point=1e4,
    ),
}
