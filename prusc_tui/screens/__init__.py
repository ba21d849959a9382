"""The screens, one per file or folder."""
