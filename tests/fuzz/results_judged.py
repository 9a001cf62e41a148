"""What must hold of results and records that were accepted."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import seeds
from common import Made
from making import Box, Maker
from refusal import check_equal, check_finite, check_words, holds

from heterodyne_cli.results import load
from heterodyne_cli.series.record import Record
from heterodyne_cli.series.summary_files import publish
from heterodyne_cmc import CMCResult
from heterodyne_cmc.posterior import QUANTILES
from heterodyne_data import FittedData, NLSQResult
from heterodyne_data.result.document import to_document
from heterodyne_nlsq.summary import ending
from heterodyne_spec import load_model, validate


def judge_estimate(made: Made, box: Box, maker: Maker) -> None:
    """Read a point estimate; what is accepted is complete and is found again when it is written."""
    for problem in (validated := validate(made.path)).problems:
        check_words([problem.sentence])
    result = NLSQResult.load(made.path.with_suffix(".json"))
    # The arrays alone may no longer say what they are; then they are taken for a measurement.
    holds(
        made.path.suffix == ".h5" or not validated.problems,
        f"accepted by load, refused by validate: {validated.problems[:1]}",
    )
    check_fitted(result.data)
    n_phi, n_t, size = len(result.data.phi), result.data.n_frames, len(result.varying)
    holds(list(result.parameters) == list(load_model().names), "other parameters than the model's")
    holds(result.covariance.shape == result.covariance_iid.shape == (size, size), "a covariance of another shape")
    check_finite(result.covariance.tolist(), "covariance")
    for values in (result.contrast, result.offset, result.noise_sd):
        holds(values.shape == (n_phi,), "not one value per angle")
    for values in result.maps or ():
        holds(values.shape == (n_phi, n_t, n_t) and values.dtype.kind == "f", f"maps {values.shape} {values.dtype}")
    holds("\n" not in ending(result), "an ending of several lines")
    result.save(box.out)
    again = NLSQResult.load(box.out)
    holds(to_document(again) == to_document(result), "what is written and read again differs")
    for one, other in zip(result.maps or (), again.maps or (), strict=True):
        check_equal(one.astype(np.float32), other, "maps written and read again")
    if made.same:
        sound = seeds.estimates()[made.seed]
        holds(to_document(result) == json.loads(json.dumps(to_document(sound))), "not what the sound file says")
        for one, other in zip(result.maps or (), sound.maps or (), strict=True):
            check_equal(one, other, "maps of the sound file")


def check_fitted(data: FittedData) -> None:
    """Check what a result says of its measurement."""
    holds(np.isfinite(data.phi).all() and data.phi.ndim == 1, f"phi = {data.phi}")
    holds(np.isfinite(data.dt) and data.dt > 0, f"dt = {data.dt}")
    holds(np.isfinite(data.q) and data.q >= 0, f"q = {data.q}")
    holds(np.isfinite(data.t).all() and len(data.t) == data.n_frames, "ages of another number")


def judge_posterior(made: Made, box: Box, maker: Maker) -> None:
    """Read a posterior; what is accepted has the shapes that everything else relies on, and is found again."""
    result = load(made.path).posterior
    assert result is not None
    check_fitted(result.data)
    n_phi, n_t = len(result.data.phi), result.data.n_frames
    n_chain, n_draw = result.noise_sd.shape
    for name, draws in result.draws.items():
        holds(draws.shape == (n_chain, n_draw) and np.isfinite(draws).all(), f"draws of {name}")
    for name in ("contrast", "offset"):
        draws = getattr(result, name)
        holds(draws.shape == (n_chain, n_draw, n_phi) and np.isfinite(draws).all(), f"draws of {name}")
    names = {*result.draws, *result.fixed}
    holds(names == set(load_model(result.model["id"]).names), f"parameters {sorted(names)}")
    holds(result.observed.shape == (n_phi, n_t, n_t), f"observed {result.observed.shape}")
    for values in result.bands.quantiles.values():
        holds(values.shape == (len(QUANTILES), len(result.bands.t)), f"bands {values.shape}")
    for values in (*result.sub_draws.values(), *result.sample_stats.values()):
        holds(values.shape[0] == result.n_shards and values.ndim >= 3, f"draws of shards {values.shape}")
    holds(all(isinstance(row.mean, float) and isinstance(row.name, str) for row in result.summary), "rows of the table")
    holds(isinstance(result.success, bool) and isinstance(result.message, str), "success or message")
    again = CMCResult.load(result.save(box.out))
    check_posterior(result, again)
    if made.same:
        check_posterior(result, CMCResult.load(_sound(box, maker)))


def _sound(box: Box, maker: Maker) -> Any:
    path = box.out / "sound.nc"
    path.write_bytes(maker.posterior)
    return path


def check_posterior(one: CMCResult, other: CMCResult) -> None:
    """Check that two posteriors are the same."""
    for field in ("draws", "sub_draws", "sample_stats"):
        a, b = getattr(one, field), getattr(other, field)
        holds(list(a) == list(b), f"{field}: other names")
        for name in a:
            check_equal(a[name], b[name], f"{field} of {name}")
    for field in ("contrast", "offset", "noise_sd", "observed"):
        check_equal(getattr(one, field), getattr(other, field), field)
    for field in ("summary", "diagnostics", "fixed", "model", "config", "start", "calibration", "warnings", "message"):
        holds(_written(getattr(one, field)) == _written(getattr(other, field)), f"{field} differs")


def _written(value: Any) -> str:
    """Return plain data as a text in which NaN is NaN and the order of keys does not count."""
    return json.dumps(value, sort_keys=True, default=repr)


def judge_record(made: Made, box: Box, maker: Maker) -> None:
    """Read the record of a series; what is accepted can be shown and written, and is found again."""
    record = Record.load(box.out, "a1b2c3", "all")
    rows = record.rows()
    holds(all(isinstance(row["file"], str) for row in rows), "a row without a file")
    for key in [key for entry in record.files.values() for key in entry.names]:
        record.is_done(key)
    publish(record, load_model(), "title")
    again = Record.load(box.out, "a1b2c3", "all")
    holds(again.files == record.files and again.rows() == rows, "what is written and read again differs")
    if made.same:
        holds(len(rows) == 2 and 400.0 in [row.get("v_mean") for row in rows], "not what the sound file says")
