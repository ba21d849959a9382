"""What goes on behind the screens: threads that look, and the deeds that a key asks for."""
