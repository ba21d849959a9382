"""Screen: the queue of this machine, and its devices."""
