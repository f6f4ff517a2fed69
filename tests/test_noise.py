"""What `fastmem.suggest_tolerance` promises holds for fresh noise, and its settings do what it says."""

import re
import warnings

import numpy as np
import pytest

import fastmem
from fastmem import InvalidInput, RecognitionWarning, memorize, noise, suggest_tolerance

SD = 0.03
D = 32


def build(X, y, fingerprint_bits=20, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RecognitionWarning)
        return memorize(X, y, separate="all", fingerprint_bits=fingerprint_bits, random_state=0, **options)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((1000, D)), rng.integers(0, 5, 1000)


@pytest.fixture(scope="module")
def net(data):
    return build(*data)


@pytest.fixture(scope="module")
def found(net, data):
    return suggest_tolerance(net, data[0], SD, random_state=0)


def answers(net, found, X):
    return net.predict(X, unknown=-1, tolerance=found.tolerance, max_probes=found.max_probes)


def noisy_copies(X, rows, sd=SD):
    return X[rows] + sd * np.random.default_rng(1).standard_normal((len(rows), X.shape[1]))


def refusal(*args, **options):
    with pytest.raises(InvalidInput) as caught:
        suggest_tolerance(*args, **options)
    return str(caught.value)


# Promises


def test_the_shares_hold_on_fresh_noise(net, data, found):
    X, y = data
    rows = np.random.default_rng(2).integers(0, len(X), 20_000)
    labels = answers(net, found, noisy_copies(X, rows))
    assert found.is_reached
    assert found.fingerprint_bits == net.fingerprint_bits
    assert (labels == y[rows]).mean() >= 0.999
    assert abs((labels == y[rows]).mean() - found.right) < 0.001
    assert abs((labels == -1).mean() - found.unknown) < 0.001
    assert found.right + found.wrong + found.unknown == pytest.approx(1)
    assert 0.999 <= found.right_at_least < found.right


def test_without_the_tolerance_the_same_rows_are_lost(net, data):
    X, y = data
    assert (net.predict(noisy_copies(X, np.arange(1000)), unknown=-1) == y).mean() < 0.9


def test_the_share_that_passes_holds_for_fresh_inputs_of_the_same_law(net, found):
    fresh = np.random.default_rng(3).standard_normal((20_000, D))
    share = (answers(net, found, fresh) != -1).mean()
    assert found.passing.keys() == {"normal inputs of X's covariance", "rows with columns permuted"}
    assert all(abs(share - passing) < 0.003 for passing in found.passing.values())
    assert share < 0.01


def test_less_to_keep_takes_less_tolerance_and_more_noise_takes_more(net, data, found):
    few = suggest_tolerance(net, data[0], SD, keep=0.9, random_state=0)
    assert 0 < few.tolerance < found.tolerance
    assert few.max_probes < found.max_probes
    assert 0.9 <= few.right < found.right
    assert suggest_tolerance(net, data[0], SD / 2, random_state=0).tolerance < found.tolerance


def test_half_the_tolerance_does_not_keep_as_many(net, data, found):
    X, y = data
    rows = np.arange(20_000) % 1000
    labels = net.predict(noisy_copies(X, rows), unknown=-1, tolerance=found.tolerance / 2, max_probes=found.max_probes)
    assert (labels == y[rows]).mean() < 0.999


def test_a_network_of_the_bits_that_are_suggested_keeps_what_was_asked(data):
    X, y = data
    found = suggest_tolerance(build(X, y, 8), X, SD, random_state=0)
    assert found.network_bits == 8 < found.fingerprint_bits
    again = build(X, y, found.fingerprint_bits)
    rows = np.arange(20_000) % 1000
    assert (answers(again, found, noisy_copies(X, rows)) == y[rows]).mean() >= 0.999
    assert suggest_tolerance(again, X, SD, random_state=0).fingerprint_bits == found.fingerprint_bits


@pytest.fixture
def few_codes_tried(monkeypatch):
    """Limits a sixteenth as high as they are, and a count of the codes that are tried."""
    counts = []
    answers = noise._answers

    def counted(*args):
        found = answers(*args)
        counts.append(int(found[2].sum()))
        return found

    monkeypatch.setattr(noise, "_answers", counted)
    for name, value in {"_WORK": 2**20, "_WORK_OF_OTHERS": 2**17, "_MOST_PROBES": 3000}.items():
        monkeypatch.setattr(noise, name, value)
    return counts


def test_more_bits_are_not_suggested_if_their_hyperplanes_lose_what_the_network_keeps(data, few_codes_tried):
    X, y = data[0][:300], data[1][:300]
    found = suggest_tolerance(build(X, y, 12), X, 0.15, keep=0.95, random_state=0)
    assert found.is_reached
    assert found.fingerprint_bits == found.network_bits == 12 < found.safe_bits
    assert found.right_with_safe_bits < 0.95 <= found.right
    assert "build it again" not in str(found)
    assert f"{found.safe_bits} fingerprint bits would let fewer other inputs pass" in str(found)
    again = build(X, y, found.safe_bits)
    with pytest.warns(RecognitionWarning):
        assert not suggest_tolerance(again, X, 0.15, keep=0.95, random_state=0).is_reached


def test_the_codes_that_are_tried_are_bounded_where_noise_is_too_large(data, few_codes_tried):
    with pytest.warns(RecognitionWarning, match="too large beside the distances between rows"):
        found = suggest_tolerance(build(*data, 16), data[0], 0.2, keep=0.99, random_state=0)
    assert not found.is_reached
    assert sum(few_codes_tried) < 4 * 2**20


def test_what_other_inputs_cost_is_said(found):
    assert found.tried_of_others.keys() == found.passing.keys()
    assert all(found.tried < tried <= found.max_probes for tried in found.tried_of_others.values())
    assert "codes tried" in str(found)


def test_the_bits_that_are_suggested_count_in_what_passes(data):
    X, y = data
    few = build(X, y, 4)
    found = suggest_tolerance(few, X, SD, random_state=0)
    fresh = np.random.default_rng(3).standard_normal((2000, D))
    assert max(found.passing.values()) < (answers(few, found, fresh) != -1).mean()


def test_no_noise_takes_no_tolerance(net, data):
    found = suggest_tolerance(net, data[0], 0, random_state=0)
    assert (found.tolerance, found.max_probes, found.fingerprint_bits) == (0.0, 1, 20)
    assert (found.right, found.wrong, found.unknown, found.is_reached) == (1.0, 0.0, 0.0, True)


def test_noise_as_large_as_the_distances_of_rows_is_said_not_to_do(data):
    X, y = data[0][:40, :4], data[1][:40]
    with pytest.warns(RecognitionWarning, match="too large beside the distances between rows"):
        found = suggest_tolerance(
            build(X, y, 8), X, copies=noisy_copies(X, np.arange(40), 2.0), keep=0.9, others=X + 99, random_state=0
        )
    assert not found.is_reached
    assert found.right < 0.9
    assert "not reached" in str(found)


def test_a_network_of_few_columns_that_tells_labels_alone_apart_is_measured_by_labels(data):
    X, y = data
    net = memorize(X, y, columns=[0, 1, 2, 3, 4, 5], separate="labels", fingerprint_bits=20, random_state=0)
    found = suggest_tolerance(net, X, 0.001, random_state=0)
    labels = answers(net, found, noisy_copies(X, np.arange(1000), 0.001))
    assert abs((labels == y).mean() - found.right) < 0.005


# What noise may be


def same_settings(one, other):
    return (one.tolerance, one.max_probes) == pytest.approx((other.tolerance, other.max_probes), rel=0.02)


def test_a_number_equal_numbers_and_their_covariance_say_the_same(net, data, found):
    assert suggest_tolerance(net, data[0], np.full(D, SD), random_state=0) == found
    by_covariance = suggest_tolerance(net, data[0], SD**2 * np.eye(D), random_state=0)
    assert same_settings(by_covariance, found)


def test_columns_that_do_not_move_count_as_that(net, data):
    sd = np.where(np.arange(D) < 16, SD, 0.0)
    half = suggest_tolerance(net, data[0], sd, random_state=0)
    assert same_settings(suggest_tolerance(net, data[0], np.diag(sd**2), random_state=0), half)
    assert half.tolerance < suggest_tolerance(net, data[0], SD, random_state=0).tolerance


def test_a_covariance_of_rank_one_moves_along_its_direction(net, data):
    X, y = data
    direction = 0.02 * np.random.default_rng(5).standard_normal(D)
    found = suggest_tolerance(net, X, np.outer(direction, direction), random_state=0)
    rows = np.arange(20_000) % 1000
    noisy = X[rows] + np.random.default_rng(6).standard_normal((len(rows), 1)) * direction
    assert found.is_reached
    assert (answers(net, found, noisy) == y[rows]).mean() >= 0.999


def test_copies_of_the_same_noise_say_nearly_the_same(net, data, found):
    rows = np.random.default_rng(4).integers(0, 1000, 40_000)
    by_copies = suggest_tolerance(net, data[0], copies=noisy_copies(data[0], rows), rows=rows, random_state=0)
    assert by_copies.is_reached
    assert by_copies.tolerance == pytest.approx(found.tolerance, rel=0.2)
    assert abs(by_copies.right - found.right) < 0.001


def test_copies_without_rows_are_of_the_rows_in_their_order(net, data):
    found = suggest_tolerance(net, data[0], copies=noisy_copies(data[0], np.arange(1000)), keep=0.99, random_state=0)
    assert found.is_reached
    assert found.n_copies == 1000


def test_too_few_copies_show_too_little_and_it_is_said(net, data):
    X = data[0]
    with pytest.warns(RecognitionWarning, match=r"^100 noisy copies can show no more.* 97.049 % .* 3000 copies could"):
        found = suggest_tolerance(net, X, copies=noisy_copies(X, np.arange(100)), rows=np.arange(100), random_state=0)
    assert found.right == 1.0
    assert not found.is_reached


def test_others_are_counted_in_place_of_drawn_ones(net, data, found):
    X = data[0]
    others = np.concatenate([X[:30], np.full((70, D), 9.0)])
    assert suggest_tolerance(net, X, SD, others=others, random_state=0).passing == {"others": 0.3}


# The same for a seed


def test_a_seed_gives_the_same_with_any_number_of_threads(net, data, found):
    assert suggest_tolerance(net, data[0], SD, random_state=0, n_threads=1) == found
    assert suggest_tolerance(net, data[0], SD, random_state=np.random.default_rng(0), n_threads=3) == found


def test_float32_rows_in_another_order_are_taken(data):
    X, y = data[0].astype(np.float32), data[1]
    found = suggest_tolerance(build(X, y), X[::-1], SD, random_state=0)
    assert found.is_reached


# What is printed


def test_what_is_printed_ends_with_a_call_that_works(net, data, found):
    call = str(found).splitlines()[-1].replace("unknown=...", "unknown=-1")
    X, y = data
    assert (eval(call, {"net": net, "X": noisy_copies(X, np.arange(1000))}) == y).mean() > 0.99
    assert "build it again" not in str(found)
    assert "99.9 % right: reached" in str(found)


def test_what_is_printed_names_the_bits_that_a_network_lacks(data):
    X, y = data
    found = suggest_tolerance(build(X, y, 8), X, SD, random_state=0)
    options = re.search(r"memorize\(\.\.\., (\w+)=(\d+)\)", str(found))
    assert build(X, y, **{options[1]: int(options[2])}).fingerprint_bits == found.fingerprint_bits


def test_all_of_it_is_in_the_dict(found):
    values = found.to_dict()
    assert values["tolerance"] == found.tolerance
    assert fastmem.ToleranceSuggestion(**values) == found


# Refusals


def test_networks_that_know_no_cells_are_refused(net, data):
    X, y = data
    for plain in (memorize(X, y), memorize(X[:50], y[:50], construction="baum1988"), "net"):
        assert "networks with fingerprints" in refusal(plain, X, SD)
    assert 'recognise="cells"' in refusal(memorize(X, y, fingerprint_bits=8, recognise="rows"), X, SD)


def test_rows_that_were_not_memorized_are_refused(net, data):
    X = data[0].copy()
    X[7] = 3.0
    assert "does not know X[7]" in refusal(net, X, SD)
    assert "X has 999 rows, but 1000 points were memorized" in refusal(net, X[:999], SD)
    X[7, 2] = np.nan
    assert "X[7, 2] is nan" in refusal(net, X, SD)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (-0.1, "noise must be 0 or more, not -0.1"),
        ([-1.0] + [1.0] * (D - 1), "noise must be 0 or more, not -1"),
        (np.nan, "noise must be finite"),
        ([np.inf] * D, "noise must be finite"),
        ("wide", "noise must be numbers, not str"),
        ([0.1, 0.2], rf"noise has shape \(2,\).*{D} of them"),
        (np.zeros((1000, D)), r"noise has shape \(1000, 32\).*copies=\.\.\."),
        (np.triu(np.ones((D, D))), "symmetric"),
        (-np.eye(D), "the variance in one direction is -1: it must be 0 or more in each"),
        (1e308, "beyond the largest float64"),
    ],
)
def test_what_is_no_noise_is_refused(net, data, noise, message):
    assert re.search(message, refusal(net, data[0], noise))


def test_noise_and_copies_are_one_or_the_other(net, data):
    X = data[0]
    assert "give one of the two" in refusal(net, X)
    assert "give one of the two" in refusal(net, X, SD, copies=X)
    assert "give copies=... too" in refusal(net, X, SD, rows=np.arange(1000))


def test_what_are_no_copies_is_refused(net, data):
    X = data[0]
    assert "copies has 10 rows and X 1000" in refusal(net, X, copies=X[:10])
    assert "rows must be 10 integers" in refusal(net, X, copies=X[:10], rows=np.arange(9))
    assert "rows must be 10 integers" in refusal(net, X, copies=X[:10], rows=np.zeros(10))
    assert "between 0 and 999" in refusal(net, X, copies=X[:10], rows=np.arange(991, 1001))
    assert "copies, as X: X[0, 0] is nan" in refusal(net, X, copies=X * np.nan)
    assert refusal(net, X, SD, others=X[:, :3]).startswith("others, as X: ")


@pytest.mark.parametrize("keep", [0, 1, 1.5, -0.1, np.nan, "all", None])
def test_keep_is_a_share(net, data, keep):
    assert "keep must be a share between 0 and 1" in refusal(net, data[0], SD, keep=keep)
