"""The chart instrument: curves in braille, axes, cursor and zoom."""
