"""Arrays by name, as networks keep them in files: the names of a part begin with the part's, and a dot."""

__all__ = ["part_of", "parts_of", "under"]


def under(name, tensors):
    """The tensors of a part, by the names they have among all: the inverse of `part_of`."""
    return {f"{name}.{key}": array for key, array in tensors.items()}


def parts_of(tensors, name, numbers):
    """The tensors of parts with a name and numbers of a range, as `part_of` has each: list of dict."""
    parts = {str(number): {} for number in numbers}
    for key, array in tensors.items():
        whole, _, rest = key.partition(".")
        number, _, inner = rest.partition(".")
        if whole == name and number in parts:
            parts[number][inner] = array
    return list(parts.values())


def part_of(tensors, name):
    """The tensors of a part, by what their names have behind the part's."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): array for key, array in tensors.items() if key.startswith(prefix)}
