"""Tables of results from finished runs, as numbers: methods against label noise, and benchmarks (no torch)."""
