"""View config: every setting of a run."""
