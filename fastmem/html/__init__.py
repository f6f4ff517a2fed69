"""HTML of what is built: elements, tables, and fragments that a notebook shows. It knows markup, and no networks."""
