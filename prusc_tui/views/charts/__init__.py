"""View charts: curves over steps."""
