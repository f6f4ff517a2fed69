"""The version, apart from all else, so that any file may name it."""

__all__ = ["__version__"]

__version__ = "0.2.0"
