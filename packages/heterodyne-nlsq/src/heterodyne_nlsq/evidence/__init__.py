"""Evidence: features shown by the maps, needed constants, and fixed parameters that contradict the data."""
