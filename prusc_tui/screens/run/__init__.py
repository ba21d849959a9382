"""One run, live or past: a panel per view."""
