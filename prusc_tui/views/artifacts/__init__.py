"""View artifacts: the files of a run."""
