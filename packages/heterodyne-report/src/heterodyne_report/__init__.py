"""Presentation of results (HTML pages, plots, tables, terminal output) and the code shared by the commands.

Names are loaded on first use, because the entry point of a command must import little.

Public are the names in ``__all__`` here and in `heterodyne_report.page` (HTML pages). Other modules may change without
notice.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from heterodyne_report._version import __version__

if _TYPE_CHECKING:
    from heterodyne_report.command_line import (
        add_config_arguments,
        add_fit_arguments,
        add_setting_arguments,
        cache_folder,
        print_plan,
        read_measurement,
        requested_config,
        requested_data,
        requested_output,
    )
    from heterodyne_report.console import (
        Console,
        Mood,
        Progress,
        add_console_arguments,
        align_columns,
        time_left,
        wrap_text,
    )
    from heterodyne_report.entry import run_entry_point
    from heterodyne_report.figure import new_figure
    from heterodyne_report.lag_curves import curve_starts, draw_lag_curves, lag_panels
    from heterodyne_report.number_format import (
        format_interval,
        format_number,
        format_p_value,
        format_plus_minus,
        format_value,
        format_value_and_sd,
        with_unit,
    )
    from heterodyne_report.panels import (
        LINE_STYLES,
        MARKERS,
        SERIES_COLOURS,
        MapPanel,
        downsampled_maps,
        draw_course,
        draw_map,
        function_panels,
        map_picture,
        narrow_limits,
        page_width,
        set_vertical_range,
    )
    from heterodyne_report.pictures import colour_limits, picture_format, square_means, square_width, write_figure
    from heterodyne_report.stages import Stage, announce_stage, numbered_stage, stage_kind
    from heterodyne_report.tables import Column, table_cells
    from heterodyne_report.time_course import (
        TimeCourse,
        describe_courses,
        fixed_functions,
        time_courses,
    )
    from heterodyne_report.words import words_of

_MODULES = {
    "command_line": (
        "add_config_arguments",
        "add_fit_arguments",
        "add_setting_arguments",
        "cache_folder",
        "print_plan",
        "read_measurement",
        "requested_config",
        "requested_data",
        "requested_output",
    ),
    "console": (
        "Console",
        "Mood",
        "Progress",
        "add_console_arguments",
        "align_columns",
        "time_left",
        "wrap_text",
    ),
    "entry": ("run_entry_point",),
    "figure": ("new_figure",),
    "lag_curves": ("curve_starts", "draw_lag_curves", "lag_panels"),
    "number_format": (
        "format_interval",
        "format_number",
        "format_p_value",
        "format_plus_minus",
        "format_value",
        "format_value_and_sd",
        "with_unit",
    ),
    "panels": (
        "LINE_STYLES",
        "MARKERS",
        "MapPanel",
        "SERIES_COLOURS",
        "downsampled_maps",
        "draw_course",
        "draw_map",
        "function_panels",
        "map_picture",
        "narrow_limits",
        "page_width",
        "set_vertical_range",
    ),
    "pictures": (
        "colour_limits",
        "picture_format",
        "square_means",
        "square_width",
        "write_figure",
    ),
    "stages": (
        "Stage",
        "announce_stage",
        "numbered_stage",
        "stage_kind",
    ),
    "tables": (
        "Column",
        "table_cells",
    ),
    "time_course": (
        "TimeCourse",
        "describe_courses",
        "fixed_functions",
        "time_courses",
    ),
    "words": ("words_of",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "LINE_STYLES",
    "MARKERS",
    "SERIES_COLOURS",
    "Column",
    "Console",
    "MapPanel",
    "Mood",
    "Progress",
    "Stage",
    "TimeCourse",
    "__version__",
    "add_config_arguments",
    "add_console_arguments",
    "add_fit_arguments",
    "add_setting_arguments",
    "align_columns",
    "announce_stage",
    "cache_folder",
    "colour_limits",
    "curve_starts",
    "describe_courses",
    "downsampled_maps",
    "draw_course",
    "draw_lag_curves",
    "draw_map",
    "fixed_functions",
    "format_interval",
    "format_number",
    "format_p_value",
    "format_plus_minus",
    "format_value",
    "format_value_and_sd",
    "function_panels",
    "lag_panels",
    "map_picture",
    "narrow_limits",
    "new_figure",
    "numbered_stage",
    "page_width",
    "picture_format",
    "print_plan",
    "read_measurement",
    "requested_config",
    "requested_data",
    "requested_output",
    "run_entry_point",
    "set_vertical_range",
    "square_means",
    "square_width",
    "stage_kind",
    "table_cells",
    "time_courses",
    "time_left",
    "with_unit",
    "words_of",
    "wrap_text",
    "write_figure",
]


def __getattr__(name: str) -> object:
    if name in _MODULE_OF:
        return getattr(_import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
