"""Sweeps: studies of one's own, kept in the home, whose missing runs a launcher makes (no torch)."""
