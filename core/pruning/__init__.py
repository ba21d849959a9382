"""Mask logits, the contrastive loss over clusters, and the subnetwork they leave."""
