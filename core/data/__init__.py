"""Data sets as arrays: images, labels, attributes, splits (no torch)."""
