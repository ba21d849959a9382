"""The data sets, one file each, with settings and reader (no torch; numpy only when data are read)."""
