"""Views of a run, one folder each."""
