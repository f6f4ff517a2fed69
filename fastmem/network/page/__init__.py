"""The page of one network, a file of HTML: each part of it is a module here, and `whole` puts them together.

All numbers are those of the network's report, or counted of the network and of the points given.
"""
