"""Statistics over runs: seeds and spread, paired differences, restarts, overlap (no torch)."""
