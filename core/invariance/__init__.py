"""Inference of environments, and invariant training over environments."""
