"""Runs pipelines on background threads: devices, stop, resume and reuse."""
