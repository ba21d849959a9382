"""Screen: all runs."""
