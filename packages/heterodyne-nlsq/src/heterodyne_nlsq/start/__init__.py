"""Starting values from the data: analysis of age slices, and laws of age fitted to it."""
