"""Calibrated uncertainties: the noise of the maps, and its effect on the parameters."""
