"""Runs on disk: folder, stream, index, feed and query (no torch, no pydantic)."""
