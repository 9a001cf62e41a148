"""The setup common to fit and posterior: free parameters, scaling, noise and the ages at which functions are given."""

from heterodyne_data.setup.ages import band_ages, reference_age
from heterodyne_data.setup.free import FreeParameters, free_parameters, released
from heterodyne_data.setup.noise import ROUNDING, data_noise, noise_sd, reduced_chi_square, structured
from heterodyne_data.setup.scaling import Scaling, make_scaling

__all__ = [
    "ROUNDING",
    "FreeParameters",
    "Scaling",
    "band_ages",
    "data_noise",
    "free_parameters",
    "make_scaling",
    "noise_sd",
    "reduced_chi_square",
    "reference_age",
    "released",
    "structured",
]
