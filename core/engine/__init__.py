"""Stages on background threads: devices, pipelines, stop, resume and reuse."""
