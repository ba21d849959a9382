"""Runs on disk: folder, record, stream, index and query (no torch, no pydantic)."""
