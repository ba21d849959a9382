"""Runs as jobs of SLURM: profiles, what SLURM knows of its jobs, and what runs in one (no torch)."""
