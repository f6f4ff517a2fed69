"""The page of one network, put together of its sections."""

from __future__ import annotations

from fastmem._version import __version__
from fastmem.html.elements import element
from fastmem.html.page import page
from fastmem.network.page.architecture import architecture
from fastmem.network.page.beside import beside
from fastmem.network.page.built import head, in_words
from fastmem.network.page.numbers import as_data, numbers
from fastmem.network.page.parts import size
from fastmem.network.page.plane import plane
from fastmem.network.page.points import Given, radii
from fastmem.network.page.recognition import recognition

__all__ = ["page_of"]


def page_of(report, network, X=None, y=None, *, title=None, date=None, n_threads=None):
    """The text of the page that `Report.to_html` describes."""
    given = Given.of(network, X, y, n_threads)
    sections = [
        None if given is None else plane(network, given, n_threads),
        architecture(report, network),
        None if given is None else radii(given),
        size(report, network),
        recognition(report),
        beside(report),
        in_words(report, network),
        numbers(report),
    ]
    title = _title(report) if title is None else title
    return page(
        title,
        head(report, title, date),
        [section for section in sections if section is not None],
        element("p", f"Written by fastmem {__version__}. This file is whole: it loads nothing from anywhere."),
        as_data(report),
        "report",
    )


def _title(report):
    return f"{report.n_points:,} memorized points" if report.n_points else "A network of given layers"
