"""Drawing in the terminal: pure functions from numbers to rows of text."""
