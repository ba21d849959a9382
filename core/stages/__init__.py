"""The stages of runs, one file each."""
