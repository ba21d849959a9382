"""The command line and the terminal screens of prusc-tui."""

__version__ = "0.1.0"
