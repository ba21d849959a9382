"""Screens: the sweeps, and one of them."""
