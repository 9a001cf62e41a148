"""Recognition of files without two-time maps, with advice on how to obtain such maps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from heterodyne_data.source import Source
from heterodyne_spec import DataError

RESULT_KINDS = ("nlsq_result",)
"""The attribute kind of this project's own result files."""


def what_it_is(source: Source) -> str | None:
    """Return a description of a file without two-time maps and advice; None if it is not recognised."""
    said = [said for tell, said in _RESULTS if _told(tell, source)]
    return next(iter([*said, *source.lost.values(), *(said for tell, said in _OTHERS if _told(tell, source))]), None)


def _told(tell: Callable[[Source], bool], source: Source) -> bool:
    try:
        return tell(source)
    except DataError:  # an external link, or damage: the description is only an addition
        return False


def _own_result(source: Source) -> bool:
    return source.attribute("/", "kind") in RESULT_KINDS or {"posterior", "sample_stats"} <= set(source.names())


def _table_of_results(source: Source) -> bool:
    return {"measurement", "parameter", "verdict"} <= set(source.names())


def _multi_tau(source: Source) -> bool:
    return source.has("/xpcs/multitau/normalized_g2")


def _legacy_multi_tau(source: Source) -> bool:
    return any(re.fullmatch("norm-[0-9]+-g2", name) for name in source.names("/exchange"))


def _chx_one_time(source: Source) -> bool:
    return "qval_dict" in source.names() or {"g2", "taus", "md"} <= set(source.names())


def _of_every_entry(source: Source, *paths: str) -> Sequence[str]:
    return [f"/{entry}/{path}" for entry in source.names() for path in paths]


def _dahu(source: Source) -> bool:
    return any(source.names(group) for group in _of_every_entry(source, "1_XPCS/results"))


def _id02_one_time(source: Source) -> bool:
    groups = _of_every_entry(source, "correlations")
    return any(source.has(f"{group}/{name}/g2/cf") for group in groups for name in source.names(group))


def _array_one_time(source: Source) -> bool:
    g2 = next((key for key in ("g2", "norm_g2") if source.has(key)), None)
    return g2 is not None and len(source.shape(g2)) in (1, 2)


def _qmap(source: Source) -> bool:
    maps = ("/qmap/dynamic_roi_map", "/data/dynamicMap", "/dynamic_roi_map", "/dqmap", "/xpcs/qmap/dynamic_roi_map")
    return any(source.has(key) for key in maps) and not source.names("/xpcs/twotime")


def _raw_frames(source: Source) -> bool:
    groups = ("/entry/data", "/entry/instrument/detector", "/exchange", "/entry/measurement")
    keys = [f"{group}/{name}" for group in groups for name in source.names(group) if name.startswith("data")]
    return any(len(source.shape(key)) == 3 for key in keys if source.has(key))


def _metadata(source: Source) -> bool:
    return any(source.names(group) for group in ("/entry/instrument", "/measurement/instrument"))


_CORRELATE = "give the file of its two-time correlation"
_RESULTS: Sequence[tuple[Callable[[Source], bool], str]] = (
    (_own_result, "is a result of this program, not a measurement; view it with heterodyne report or plot"),
    (_table_of_results, "is the table of a series of fits, not a measurement; give one of the fitted files"),
    (
        _multi_tau,
        "contains only one-time correlations (multi-tau, the default of boost_corr); compute two-time maps from the "
        "same raw file and qmap: boost_corr -t Twotime, or -t Both",
    ),
    (
        _legacy_multi_tau,
        "contains only one-time correlations (multi-tau); compute two-time maps from the same raw file and qmap: "
        "analysis_type Twotime",
    ),
    (
        _chx_one_time,
        "contains CHX results without two-time maps (g12b); run the analysis again with run_two_time = True",
    ),
    (
        _dahu,
        "contains one-time results of dahu (1_XPCS/results); correlate the same frames with xpcs-correlator, "
        "ttcf_format='t1,t2'",
    ),
    (
        _id02_one_time,
        "contains only one-time correlations; correlate the same frames with ttcf_format='t1,t2'",
    ),
    (
        _array_one_time,
        "contains only one-time correlations (g2 of lag); two-time maps are (n, N, N): scikit-beam's two_time_corr, "
        "xpcs-correlator with ttcf_format='t1,t2'",
    ),
)
_OTHERS: Sequence[tuple[Callable[[Source], bool], str]] = (
    (_qmap, f"is a map of q and phi bins without correlations; {_CORRELATE} with this map"),
    (_raw_frames, f"contains detector frames, not correlations; {_CORRELATE}"),
    (_metadata, f"contains the metadata of a measurement, not correlations; {_CORRELATE}"),
)
