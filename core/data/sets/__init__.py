"""The data sets: one file each, its settings beside its reader (no torch)."""
