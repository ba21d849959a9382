"""Screen: the data sets."""
