"""A run as lines of text: what the shell prints and the views of the screen are composed of."""
