"""View overview: stages, groups, selection, machine."""
