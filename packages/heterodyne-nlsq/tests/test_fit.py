"""The fit as its user sees it: recovery of known parameters, what is held stays held, honest endings."""

from __future__ import annotations

import subprocess
import sys

import jax
import numpy as np
import pytest
from conftest import PHI, TRUTH, at, held, make, values
from threadpoolctl import threadpool_info, threadpool_limits

from heterodyne_data import TwoTimeData
from heterodyne_nlsq import fit_nlsq_jax
from heterodyne_nlsq.descent import descend
from heterodyne_nlsq.evaluators import dense_evaluator
from heterodyne_nlsq.fit import prepare
from heterodyne_spec import ConfigError, DataError, load_config

# f2 is never determined together with f0; holding it leaves a problem whose statistics are known.
WELL_POSED = held("f2", "D_offset_ref", "D_offset_sample", "v_offset")


def config(**sections: object) -> dict[str, object]:
    return at({**values(1.05), **WELL_POSED}, **sections)


def test_recovers_the_truth_within_its_errors_when_noise_is_white() -> None:
    pulls = []
    for seed in range(3):
        result = fit_nlsq_jax(make(seed=seed), config())
        assert result.success, result.message
        rows = [row for row in result.table if row.status == "free"]
        pulls.append([(row.value - TRUTH[row.name]) / row.sd for row in rows])
        assert 0.9 < result.reduced_chi2 < 1.1
        assert np.allclose(result.noise_sd, 2e-3, rtol=0.05)
    squares = np.array(pulls) ** 2
    assert squares.max() < 4.5**2
    # 30 pulls, correlated inside a fit: their mean square is 1 with a spread of about 0.35.
    assert 0.4 < squares.mean() < 2.0


def test_ends_below_the_cost_of_the_truth_and_names_its_evidence() -> None:
    data = make()
    result = fit_nlsq_jax(data, at(values(1.1)))
    truth = fit_nlsq_jax(data, at(held(*TRUTH)))
    assert result.success
    assert result.cost <= truth.cost
    assert result.n_pairs == 3 * 120 * 119 // 2
    assert result.maps is not None
    assert result.maps[1].shape == (3, 120, 120)
    assert set(result.parameters) == set(TRUTH)
    assert result.covariance.shape == (len(result.varying),) * 2
    assert np.linalg.eigvalsh(result.covariance).min() > 0


@pytest.mark.slow
def test_same_minimum_from_different_starts() -> None:
    data = make()
    near, far = (fit_nlsq_jax(data, at(values(off))) for off in (1.0, 1.1))
    assert near.cost == pytest.approx(far.cost, rel=1e-7)


def test_f0_and_f2_are_never_both_determined() -> None:
    result = fit_nlsq_jax(make(), at(values(f2={"value": 0.0, "vary": True})))
    assert {"f0", "f2"} <= set(result.identifiability.not_determined)
    singular = [d for d in result.identifiability.directions if d.kind == "singular"]
    assert any(set(d.weights) == {"f0", "f2"} for d in singular)
    assert all(np.isnan(result.sd[name]) for name in ("f0", "f2"))
    assert any("f0, f2" in warning for warning in result.warnings)


@pytest.mark.slow
def test_velocity_is_not_determined_across_the_flow() -> None:
    data = make(phi=(90.0,), phi0=0.0)
    parameters = {**values(), **held("f2", "D_offset_ref", "D_offset_sample"), **held(phi0=0.0)}
    result = fit_nlsq_jax(data, at(parameters))
    assert {"v0", "beta", "v_offset"} <= set(result.identifiability.not_determined)
    assert any("v0 has no effect" in d.statement for d in result.identifiability.directions)
    assert any(w.startswith("no effect on these data") and "v0" in w for w in result.warnings)


def test_held_and_tied_parameters() -> None:
    data = make(D0_sample=1500.0, alpha_sample=0.3)
    tied = {"D0_sample": {"tie": "D0_ref"}, "alpha_sample": {"tie": "alpha_ref"}}
    result = fit_nlsq_jax(data, at({**values(), **WELL_POSED, **tied}))
    assert result.success
    assert result.parameters["D0_sample"] == result.parameters["D0_ref"]
    assert result.parameters["f2"] == TRUTH["f2"]
    status = {row.name: row.status for row in result.table}
    assert (status["D0_sample"], status["f2"], status["v0"]) == ("tied", "fixed", "free")
    assert "D0_sample" not in result.varying
    assert result.sd["D0_sample"] == result.sd["D0_ref"] > 0


def test_a_second_fit_compiles_nothing_whatever_its_data_and_start() -> None:
    compiled: list[str] = []

    def listen(event: str, duration: float, **_: object) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        for seed, off in ((1, 1.05), (2, 0.98)):
            compiled.clear()
            fit_nlsq_jax(make(seed=seed), at(values(off)))
    finally:
        jax.monitoring.clear_event_listeners()
    assert not compiled


def test_a_fit_has_one_thread_of_the_blas_and_gives_the_others_back() -> None:
    def threads() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    seen: list[set[int]] = []
    with threadpool_limits(2, user_api="blas"):
        fit_nlsq_jax(make(), config(), progress=lambda iteration, cost: seen.append(threads()))
        after = threads()
    assert seen[0] == seen[-1] == {1}
    assert after == {2}


def test_nothing_to_vary_gives_the_cost_there() -> None:
    scaling = {"contrast": {"value": 0.2}, "offset": {"value": 1.0}}
    result = fit_nlsq_jax(make(), at({**held(*TRUTH), **scaling}, scaling="fixed"))
    assert result.success
    assert result.varying == ()
    # Half the sum of squares of white noise of 2e-3.
    assert result.cost == pytest.approx(0.5 * result.n_pairs * 4e-6, rel=0.05)


def test_bounds_are_kept_and_reported() -> None:
    parameters = {**values(), **WELL_POSED, "v0": {"value": 720, "bounds": [710, 1000]}}
    result = fit_nlsq_jax(make(), at(parameters))
    row = next(row for row in result.table if row.name == "v0")
    assert row.value >= 710
    assert row.at_bound == "lower"
    assert any("v0 ended at its lower bound" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    "scaling",
    [
        "individual",
        pytest.param("shared", marks=pytest.mark.slow),
        {"fourier": 1},
        pytest.param("fixed", marks=pytest.mark.slow),
    ],
)
def test_scaling_modes_recover_contrast_and_offset(scaling: object) -> None:
    angle = np.deg2rad(PHI)
    contrast = {
        "individual": np.array([0.15, 0.2, 0.25]),
        "shared": np.full(3, 0.2),
        "fixed": np.array([0.15, 0.2, 0.25]),
    }.get(str(scaling), 0.2 + 0.03 * np.cos(angle) - 0.02 * np.sin(angle))
    data = make(contrast=contrast, offset=1.01)
    given = {"contrast": {"value": contrast.tolist()}, "offset": {"value": 1.01}} if scaling == "fixed" else {}
    result = fit_nlsq_jax(data, at({**values(), **WELL_POSED, **given}, scaling=scaling))
    assert result.success
    sd = np.where(np.isnan(result.scaling.contrast_sd), 1e-12, result.scaling.contrast_sd)
    assert np.all(np.abs(result.contrast - contrast) < 4.5 * sd)
    assert np.allclose(result.offset, 1.01, atol=2e-3)


def test_shared_contrast_biases_the_physics_where_it_varies() -> None:
    data = make(contrast=np.array([0.15, 0.2, 0.25]))
    individual, shared = (
        fit_nlsq_jax(data, at({**values(), **WELL_POSED}, scaling=mode)) for mode in ("individual", "shared")
    )
    assert shared.cost > 5 * individual.cost
    assert any("neither speckle nor photon noise" in warning for warning in shared.warnings)
    assert not any("neither speckle nor photon noise" in warning for warning in individual.warnings)


def spoiled(n_t: int) -> TwoTimeData:
    """Return maps of which one pair in a hundred is an outlier."""
    clean = make(n_t)
    c2 = clean.c2.copy()
    rng = np.random.default_rng(3)
    outliers = np.triu(rng.random(c2.shape) < 0.01, 1)
    c2[outliers | np.swapaxes(outliers, 1, 2)] += 0.3
    return TwoTimeData(c2=c2, t=clean.t, q=clean.q, phi=clean.phi, dt=clean.dt)


def test_a_descent_with_soft_l1_resists_outliers() -> None:
    data, off = spoiled(40), []
    for loss in ("linear", "soft_l1"):
        setup = prepare(data, load_config(at({**held(*TRUTH), "v0": {"value": 720.0}}, nlsq={"loss": loss})))
        with jax.enable_x64(True):
            solution = descend(setup, dense_evaluator(setup), np.array([720.0, *[0.2] * 3, *[1.0] * 3]), None)
        assert solution.success
        off.append(np.abs(solution.vector[-3:] - 1).max())
    assert off[1] < 0.2 * off[0]


@pytest.mark.slow
def test_soft_l1_resists_outliers() -> None:
    data = spoiled(60)
    linear, robust = (fit_nlsq_jax(data, config(nlsq={"loss": loss})) for loss in ("linear", "soft_l1"))
    assert robust.success
    assert abs(robust.offset - 1).max() < 0.2 * abs(linear.offset - 1).max()
    assert any("soft_l1 the optimum is reported" in words for words in robust.conventions)


def test_masked_frames_and_pairs_and_excluded_diagonals_do_not_count() -> None:
    clean = make()
    spoiled = clean.c2.copy()
    spoiled[:, 40] = spoiled[:, :, 40] = 7.0
    spoiled[1, 10, 90] = spoiled[1, 90, 10] = np.nan
    valid = np.arange(120) != 40
    near = config(data={"exclude_diagonals": 2})
    masked = fit_nlsq_jax(TwoTimeData(c2=spoiled, t=clean.t, q=clean.q, phi=clean.phi, valid=valid), near)
    weight = np.where(valid, 1.0, 0.0)
    weighted = fit_nlsq_jax(TwoTimeData(c2=spoiled, t=clean.t, q=clean.q, phi=clean.phi, weight=weight), near)
    # Without the masked frame (41): 39 frames are 2 or more before it, 78 after it.
    assert masked.n_pairs == 3 * (119 * 118 // 2 - (40 - 1) - (79 - 1)) - 1 == weighted.n_pairs
    assert masked.cost == pytest.approx(weighted.cost, rel=1e-9)
    assert masked.noise_sd.max() < 2.2e-3


def test_a_window_keeps_its_age() -> None:
    result = fit_nlsq_jax(make(start_frame=301), at(held(*TRUTH)))
    assert result.data.start_frame == 301
    assert result.cost == pytest.approx(0.5 * result.n_pairs * 4e-6, rel=0.05)


def test_not_converged_says_so() -> None:
    result = fit_nlsq_jax(make(), at(values(1.2), nlsq={"max_iterations": 2}))
    assert not result.success
    assert "not converged" in result.message
    assert any("max_iterations" in warning for warning in result.warnings)


def test_requests_that_cannot_be_met_are_refused() -> None:
    data = make(n_t=40)
    with pytest.raises(DataError, match=r"q = 0\.0054 .* requests 0\.01"):
        fit_nlsq_jax(data, {"data": {"q": 0.01}})
    with pytest.raises(ConfigError, match=r"contrast.*offset"):
        fit_nlsq_jax(data, {"scaling": "fixed"})
    with pytest.raises(ConfigError, match="found 3 values, expected 2 as for contrast"):
        fit_nlsq_jax(
            data, {"model": {"parameters": {"contrast": {"value": [0.1, 0.2]}, "offset": {"value": [1, 1, 1]}}}}
        )
    with pytest.raises(ConfigError, match="5 terms"):
        fit_nlsq_jax(data, {"scaling": {"fourier": 2}})
    with pytest.raises(ConfigError, match="did you mean 'alpha_ref'"):
        fit_nlsq_jax(data, {"model": {"parameters": {"alpha_rev": {"value": 0}}}})
    with pytest.raises(ConfigError, match="make v infinite"):
        fit_nlsq_jax(data, {"model": {"parameters": {"beta": {"value": -1e8, "bounds": [-1e9, 1e9]}}}})
    with pytest.raises(DataError, match="too few valid pairs"):
        fit_nlsq_jax(make(n_t=3))


def test_global_state_is_left_alone() -> None:
    code = (
        "import os, warnings, logging, jax\n"
        "names = ('jax_enable_x64', 'jax_compilation_cache_dir')\n"
        "state = lambda: (dict(os.environ), list(warnings.filters), logging.root.handlers[:], logging.root.level,\n"
        "                 [getattr(jax.config, n) for n in names])\n"
        "before = state()\n"
        "from heterodyne_nlsq import fit_nlsq_jax\n"
        "import conftest\n"
        "imported = state()\n"
        "settings = conftest.at(conftest.held(*conftest.TRUTH))\n"
        "fit_nlsq_jax(conftest.make(), settings)\n"
        "after = state()\n"
        "assert imported == before, (before, imported)\n"
        "assert after == before, (before, after)\n"
    )
    folder = __file__.rpartition("/")[0]
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
