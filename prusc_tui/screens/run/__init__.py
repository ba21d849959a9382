"""One run, active or not: a panel per view."""
