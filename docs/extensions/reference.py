"""A page for each public name, docs/api/NAME.rst, for the names in the tables of docs/api.md.

A function or an error is its docstring. A class has a table of its methods, and then each of them in full; those that
another documented class defines are a line of the table that leads there.
"""

import inspect
import re
from functools import cached_property
from importlib import import_module
from pathlib import Path

import fastmem

# Public for the modules of fastmem, not for its users.
HIDDEN = {
    "class_indices", "from_parameters", "from_tensors", "known_fits_float32", "known_rows", "need_units", "of",
    "parameters", "points_of", "recognise", "store_facts", "tensors", "units_read", "unsafe_points", "wrong_rows",
}  # fmt: skip
# Classes that users call. Objects of the others come from functions: their pages show no arguments.
CALLED = {"CorrectedClassifier", "CorrectedRegressor", "MemorizingClassifier", "MemorizingRegressor"}


def write_pages(folder):
    """Write docs/api/, and leave pages alone that have not changed, so that they are not built again."""
    pages = folder / "api"
    pages.mkdir(exist_ok=True)
    names = listed((folder / "api.md").read_text(encoding="utf-8"))
    for path in pages.glob("*.rst"):
        if path.stem not in names:
            path.unlink()
    for name in names:
        path, text = pages / f"{name}.rst", page(name)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def listed(text):
    """The names in the tables of a page: lines of nothing else, below the module that they are in."""
    module, names = "", []
    for line in text.splitlines():
        if declared := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = declared[1]
        elif entry := re.fullmatch(r"   ~?([\w.]+)", line):
            names.append(f"{module}.{entry[1]}")
    return names


def page(name):
    """The page of a function or class, as reStructuredText."""
    value = found(name)
    title = name.removeprefix("fastmem.")
    head = [title, "=" * len(title), "", ".. currentmodule:: fastmem", ""]
    if not inspect.isclass(value):
        return "\n".join([*head, f".. autofunction:: {name}"])
    if issubclass(value, Exception):
        return "\n".join([*head, f".. autoexception:: {name}"])
    brackets = "" if value.__name__ in CALLED else "()"
    return "\n".join([*head, f".. autoclass:: {name}{brackets}", "", *members(name, value)])


def found(name):
    """The object that is imported by such a name."""
    module, _, last = name.rpartition(".")
    return getattr(import_module(module), last)


def members(name, cls):
    """The tables of methods and attributes, and those that the class defines itself in full."""
    documented = [member for member in dir(cls) if is_for_users(cls, member)]
    kinds = {member: inspect.getattr_static(cls, member) for member in documented}
    attributes = [member for member in documented if isinstance(kinds[member], property | cached_property)]
    methods = [member for member in documented if member not in attributes]
    homes = {member: home(name, cls, member) for member in documented}
    yield from table("Methods", [f"{homes[member]}.{member}" for member in methods])
    yield from table("Attributes", [f"{homes[member]}.{member}" for member in attributes])
    for member in [*methods, *attributes]:
        if homes[member] == name:
            yield f".. auto{'property' if member in attributes else 'method'}:: {name}.{member}\n"


def is_for_users(cls, member):
    """Whether a member is public, documented, and of fastmem rather than of scikit-learn or a tuple."""
    owner = owner_of(cls, member)
    value = inspect.getattr_static(cls, member)
    is_code = inspect.isroutine(value) or isinstance(value, property | cached_property)
    is_ours = owner.__module__.startswith("fastmem") and not member.endswith("_request")
    return is_code and is_ours and not member.startswith("_") and member not in HIDDEN


def owner_of(cls, member):
    """The class that defines a member."""
    return next(base for base in cls.__mro__ if member in vars(base))


def home(name, cls, member):
    """The name of the class on whose page a member is: the public one that defines it, or else this one."""
    owner = owner_of(cls, member).__name__
    return f"fastmem.{owner}" if owner in fastmem.__all__ else name


def table(title, names):
    """A table of names, each with the first sentence of what it does."""
    if names:
        yield from [f".. rubric:: {title}", "", ".. autosummary::", "   :nosignatures:", ""]
        yield from [*(f"   ~{name.removeprefix('fastmem.')}" for name in names), ""]


def setup(app):
    """Write the pages, and lead old links to them."""
    write_pages(Path(app.srcdir))
    app.connect("html-page-context", _follow_old_links)
    app.connect("missing-reference", _inherited)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _follow_old_links(app, pagename, templatename, context, doctree):
    if pagename == "api":
        app.add_js_file("old_links.js", loading_method="defer")


def _inherited(app, env, node, contnode):
    """`predict` in the docstring of a class that inherits it leads to the class that defines it."""
    cls, name = node.get("py:class"), node["reftarget"]
    if cls and hasattr(found(f"fastmem.{cls}"), name):
        place = home(f"fastmem.{cls}", found(f"fastmem.{cls}"), name)
        domain = env.get_domain("py")
        return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", f"{place}.{name}", node, contnode)
    return None
