"""Pseudo-groups: which samples share a shortcut, and which contradict it, found without group labels."""
