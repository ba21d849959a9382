"""View masks: sparsity by layer and against worst-group accuracy."""
