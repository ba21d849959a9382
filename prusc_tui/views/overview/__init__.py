"""View overview: what a run comes to, at a glance."""
