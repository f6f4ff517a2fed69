"""Arrays by name, as networks keep them in files: the names of a part begin with the part's, and a dot."""

__all__ = ["part_of", "under"]


def under(name, tensors):
    """The tensors of a part, by the names they have among all: the inverse of `part_of`."""
    return {f"{name}.{key}": array for key, array in tensors.items()}


def part_of(tensors, name):
    """The tensors of a part, by what their names have behind the part's."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): array for key, array in tensors.items() if key.startswith(prefix)}
