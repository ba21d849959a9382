"""Maps and sample images of the training data."""
