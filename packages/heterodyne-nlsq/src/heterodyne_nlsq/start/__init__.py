"""Starting values from the data alone: a model-free look, age by age, and laws of age through what it shows."""
