"""Measurements: two-time correlation maps, read from and written to the files of several beamlines."""

from heterodyne_spec.data.describing import describe_data
from heterodyne_spec.data.given import select_data
from heterodyne_spec.data.loading import load_data
from heterodyne_spec.data.saving import save_data
from heterodyne_spec.data.two_time import TwoTimeData, pair_valid

__all__ = ["TwoTimeData", "describe_data", "load_data", "pair_valid", "save_data", "select_data"]
