"""The engine of prusc-tui: data, networks, stages, runs. It depends on no screen and no recipe."""
