"""View clusters: composition, map and sample images."""
