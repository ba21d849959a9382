"""View log: what a run says."""
