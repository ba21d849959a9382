"""The live view of runs: one fold of the stream, snapshots, series, progress (no torch)."""
