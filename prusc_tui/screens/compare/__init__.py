"""Screen: several runs side by side."""
