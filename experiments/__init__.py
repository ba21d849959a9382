"""What can be run: recipes, presets and the data that ships."""
