"""HTML of what is built: elements, tables, charts, whole pages, and fragments that a notebook shows.

It knows markup, and no networks. A page is one file that loads nothing: `page` puts style, script and data into it.
"""
