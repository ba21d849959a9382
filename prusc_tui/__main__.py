"""`python -m prusc_tui` is `prusc`."""

from prusc_tui.cli import main

main()
