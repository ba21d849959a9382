"""A run as lines of text, for the shell and for the views of the screen.

Every drawing takes the cells of a line and a palette, and returns lines of exactly that width.
"""
