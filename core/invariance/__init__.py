"""Environments without annotations, and training that is to hold in all of them."""
