"""The engine of prusc-tui: data, networks, stages, runs. It knows no screen and no recipe."""
