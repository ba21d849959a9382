"""Predictions of a network, counted per group."""
