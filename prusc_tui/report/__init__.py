"""A run as lines of text, for the shell and for the views of the screen."""
