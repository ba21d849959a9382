"""What fills the terminal: one screen per file or folder."""
