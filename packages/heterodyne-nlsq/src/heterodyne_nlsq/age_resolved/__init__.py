"""Age slices, fitted independently: curves against lag at a few ages, and many small least-squares problems at once."""

from heterodyne_nlsq.age_resolved.batch import centred, fit, residuals
from heterodyne_nlsq.age_resolved.curves import FEWEST_FRAMES, Curves, age_curves

__all__ = ["FEWEST_FRAMES", "Curves", "age_curves", "centred", "fit", "residuals"]
