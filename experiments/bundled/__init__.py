"""The digits that ship with the package."""
