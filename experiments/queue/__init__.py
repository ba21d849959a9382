"""The queue of one machine: its file, the places where jobs run, and the supervisor that starts them (no torch)."""
