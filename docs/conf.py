"""Settings of the documentation: ``sphinx-build -W -n --keep-going docs build/html`` writes static HTML.

Nothing is fetched while building or reading: no inventories of other projects, no fonts or scripts of other servers.
"""

import re
import sys
from pathlib import Path

import fastmem

sys.path.insert(0, str(Path(__file__).parent))
import digits

project = "fastmem"
author = "The fastmem developers"
version = release = fastmem.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
exclude_patterns = ["_static", "pictures"]

# Headings have the anchors that GitHub gives them, so that links work there too.
myst_heading_anchors = 3

autodoc_typehints = "none"  # types stand in the docstrings
autodoc_member_order = "bysource"
autosummary_generate = False
numpydoc_show_class_members = False
# Options and attributes that are names of modules too, such as `store`.
_modules = [path.with_suffix("").parts for path in Path(fastmem.__file__).parent.rglob("*.py")]
nitpick_ignore = [("py:obj", parts[-2] if parts[-1] == "__init__" else parts[-1]) for parts in _modules]
default_role = "autolink"  # `name` in a docstring is a link if it is the name of something documented

smartquotes = False  # "labels" is what one types

html_theme = "furo"
html_title = f"fastmem {version}"
html_static_path = ["_static"]
html_css_files = ["fastmem.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False


def _link_to_the_page_that_includes_it(app, docname, source):
    source[0] = re.sub(r"\]\(((?:\.\./)*)\.\./benchmarks/README\.md", r"](\1benchmarks.md", source[0])


def _write_digits(app, exception):
    if exception is None and app.builder.format == "html":
        digits.write(Path(app.outdir, "_static"))


def setup(app):
    """Links to benchmarks/README.md, right in the repository, lead to the page that includes it; digits are a page."""
    app.connect("source-read", _link_to_the_page_that_includes_it)
    app.connect("build-finished", _write_digits)
