"""Networks by name, and the representation in front of their head."""
