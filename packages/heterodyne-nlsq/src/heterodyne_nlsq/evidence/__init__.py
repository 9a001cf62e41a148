"""Evidence: which features the maps show, which constants they need, and what was held that they contradict."""
