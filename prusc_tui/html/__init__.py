"""Runs as one self-contained HTML file: no script, no font, nothing from the network."""
