"""Mask logits, the contrastive loss over clusters, and the resulting subnetwork."""
