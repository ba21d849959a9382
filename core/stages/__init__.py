"""What a run does: one file a stage."""
