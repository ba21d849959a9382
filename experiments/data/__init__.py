"""Data sets as the user meets them: by name, in a folder with a settings file, or downloaded (no torch)."""
