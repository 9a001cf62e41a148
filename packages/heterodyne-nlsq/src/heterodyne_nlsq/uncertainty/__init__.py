"""Uncertainties that hold: what noise the maps have, and what that noise does to the parameters."""
