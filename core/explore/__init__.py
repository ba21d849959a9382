"""Files that are made to be looked at: writer and reader together."""
