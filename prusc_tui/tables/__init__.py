"""Tables of results: one grid, and its printers for shell, paper and screen."""
