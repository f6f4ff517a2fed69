"""The command report: the page of a network, as `Report.to_html` writes it."""

import json

import numpy as np
import pytest
from support.command_line import failure, run, usage_error, write_csv, write_npy

import fastmem

X, LABELS = np.random.default_rng(0).standard_normal((40, 3)), np.arange(40) % 4 / 2


@pytest.fixture
def built(tmp_path):
    """A network file, a file of its points, and one of their labels."""
    fastmem.memorize(X, LABELS, random_state=0).save(tmp_path / "net")
    return tmp_path / "net", write_npy(tmp_path / "X.npy", X), write_npy(tmp_path / "y.npy", LABELS)


def page(folder, *arguments):
    """The page that the command writes."""
    run("report", *arguments, "-o", folder / "page.html")
    return (folder / "page.html").read_text("utf-8")


def test_the_page_is_that_of_to_html_and_the_file_is_told(built, tmp_path):
    net, points, labels = built
    options = ["--data", points, "--labels", labels, "--delta", 0.01, "--title", "Forty", "--date", "today"]
    text = page(tmp_path, net, *options)
    report = fastmem.load(net).report(0.01)
    assert text == report.to_html(X=X, y=LABELS, title="Forty", date="today")
    assert "All 40 points get the label" in text
    result = run("report", net, "-o", tmp_path / "page.html")
    assert result.stdout == f"{tmp_path / 'page.html'}: a page, {(tmp_path / 'page.html').stat().st_size:,} bytes\n"
    assert page(tmp_path, net) == fastmem.load(net).report().to_html()


def test_json_describes_the_file(built, tmp_path):
    value = json.loads(run("report", built[0], "-o", tmp_path / "page.html", "--json").stdout)
    size = (tmp_path / "page.html").stat().st_size
    assert (value["path"], value["bytes"]) == (str(tmp_path / "page.html"), size)
    assert value["report"]["n_points"] == 40


def test_labels_come_from_wherever_points_do(built, tmp_path):
    net, points, _ = built
    np.savez(tmp_path / "data.npz", X=X, y=LABELS)
    np.savez(tmp_path / "alone.npz", X=X)
    table = write_csv(tmp_path / "data.csv", X, LABELS, ["a", "b", "c", "kind"])
    assert "All 40 points get" in page(tmp_path, net, "--data", tmp_path / "data.npz")
    assert "All 40 points get" in page(tmp_path, net, "--data", table, "--label", "kind")
    assert "was not looked at" in page(tmp_path, net, "--data", tmp_path / "alone.npz")
    assert "was not looked at" in page(tmp_path, net, "--data", points)


def test_what_cannot_be_read_is_told_and_nothing_is_written(built, tmp_path):
    net, points, _ = built
    table = write_csv(tmp_path / "data.csv", X, np.arange(40))
    path = tmp_path / "page.html"
    assert "'0' is no label of the network: is --label that column?" in failure(
        "report", net, "--data", table, "--label", "3", "-o", path
    )
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    assert "bad.npz cannot be read" in failure("report", net, "--data", tmp_path / "bad.npz", "-o", path)
    assert "has 2 columns" in failure("report", net, "--data", write_npy(tmp_path / "2.npy", X[:, :2]), "-o", path)
    assert "--labels and --label are about the points of --data" in usage_error("report", net, "--label", 3, "-o", path)
    assert "-o" in usage_error("report", net, "--data", points)
    assert not path.exists()
