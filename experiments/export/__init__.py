"""Runs for other programs: as plain files, as ONNX, in MLflow."""
