"""Clusters of the representation, their composition, and the balanced set drawn from them."""
