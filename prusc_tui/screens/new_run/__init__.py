"""Screen: the form of a new run."""
