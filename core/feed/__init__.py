"""The live state of runs: fold of the stream, snapshots, series, progress (no torch)."""
