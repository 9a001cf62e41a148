"""Joint fits: several wavevectors or repeats of one sample, with common parameters."""
