"""The data sets, one file each: the settings beside the reader (no torch, no numpy before anything is read)."""
