"""Measurements and results as files: two-time correlation maps of several beamlines, and point estimates.

Input and output of a fit, without JAX; the formats are those of heterodyne-spec.

Public are the names in ``__all__`` here and in `heterodyne_data.setup` (common to fit and posterior), and for readers
of other layouts `heterodyne_data.contents`, `heterodyne_data.source` and `heterodyne_data.layouts.base`. Other modules
may change without notice.
"""

from heterodyne_data._version import __version__
from heterodyne_data.checks import is_finite
from heterodyne_data.cleaning import hot_frames
from heterodyne_data.damage import reading as refuse_damage
from heterodyne_data.describing import Checked, check_data, describe_data
from heterodyne_data.given import as_measurement, select_data
from heterodyne_data.independent import is_one_q
from heterodyne_data.json_values import from_json_values, to_json_values, undeclared
from heterodyne_data.layouts import layout_title
from heterodyne_data.listing import list_maps
from heterodyne_data.loading import fingerprint, load_data
from heterodyne_data.measurements import Measurement, joint_measurements, listed_measurements
from heterodyne_data.memory import free_memory, whole_memory
from heterodyne_data.merging import merge_data
from heterodyne_data.opening import open_source
from heterodyne_data.optional import optional_package
from heterodyne_data.presentation import explore, short_text
from heterodyne_data.processes import available_cores, end_with
from heterodyne_data.reading import frame_count
from heterodyne_data.result.joint import (
    JOINT_NAME,
    Agreement,
    FittedExponent,
    JointMember,
    JointParameter,
    JointResult,
    Scatter,
)
from heterodyne_data.result.members import member_folders, remove_member
from heterodyne_data.result.nlsq import JSON_NAME as RESULT_JSON_NAME
from heterodyne_data.result.nlsq import NLSQResult, read_fitted_maps
from heterodyne_data.result.parts import (
    AgeResolved,
    Alternative,
    Bands,
    Derived,
    Direction,
    FittedData,
    FittedParameter,
    FittedScaling,
    Identifiability,
    MapNoise,
    NestedTest,
    Signal,
    Weighting,
)
from heterodyne_data.result.tabular import MAP_AXES, common_attributes, frame_ages
from heterodyne_data.saving import save_data
from heterodyne_data.selection import mean_q, q_groups, select_maps
from heterodyne_data.storage import check_self_contained, in_memory, opened_hdf5, write_npz
from heterodyne_data.time_axis import needed_step
from heterodyne_data.two_time import TwoTimeData, pair_valid
from heterodyne_data.window import check_window

__all__ = [
    "JOINT_NAME",
    "MAP_AXES",
    "RESULT_JSON_NAME",
    "AgeResolved",
    "Agreement",
    "Alternative",
    "Bands",
    "Checked",
    "Derived",
    "Direction",
    "FittedData",
    "FittedExponent",
    "FittedParameter",
    "FittedScaling",
    "Identifiability",
    "JointMember",
    "JointParameter",
    "JointResult",
    "MapNoise",
    "Measurement",
    "NLSQResult",
    "NestedTest",
    "Scatter",
    "Signal",
    "TwoTimeData",
    "Weighting",
    "__version__",
    "as_measurement",
    "available_cores",
    "check_data",
    "check_self_contained",
    "check_window",
    "common_attributes",
    "describe_data",
    "end_with",
    "explore",
    "fingerprint",
    "frame_ages",
    "frame_count",
    "free_memory",
    "from_json_values",
    "hot_frames",
    "in_memory",
    "is_finite",
    "is_one_q",
    "joint_measurements",
    "layout_title",
    "list_maps",
    "listed_measurements",
    "load_data",
    "mean_q",
    "member_folders",
    "merge_data",
    "needed_step",
    "open_source",
    "opened_hdf5",
    "optional_package",
    "pair_valid",
    "q_groups",
    "read_fitted_maps",
    "refuse_damage",
    "remove_member",
    "save_data",
    "select_data",
    "select_maps",
    "short_text",
    "to_json_values",
    "undeclared",
    "whole_memory",
    "write_npz",
]


def __dir__() -> list[str]:
    return sorted(__all__)
