"""Analysis of age slices without assuming laws."""
