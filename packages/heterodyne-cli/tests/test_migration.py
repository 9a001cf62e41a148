"""Configurations of other programs: what becomes of them, that nothing is lost, and that the physics stays the same."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
from data_files import make_map, write_apsu, write_phis
from documents import json_documents
from foreign_configs import ALL, HETERODYNE, HETERODYNE_ANALYSIS, HETERODYNE_FIRST, HOMODYNE, XPCSJAX
from hypothesis import given, settings
from hypothesis import strategies as st

from heterodyne_cli.migration import config_text, import_config, import_document, report_text
from heterodyne_cli.migration.ledger import leaves
from heterodyne_data import load_data
from heterodyne_spec import ConfigError, load_config, load_model, parse_yaml

DT = 0.1
Q = 0.005


def imported(text, **changes):
    """Import `text` with some settings changed: the path's parts are joined by two underscores."""
    document = parse_yaml(text)
    for path, value in changes.items():
        *outer, last = path.split("__")
        target = document
        for part in outer:
            target = target.setdefault(part, {})
        target[last] = value
    return import_document(document)


def parameters(one):
    return one.config_document["model"]["parameters"]


def reason_for(one, old):
    return " ".join(left.reason for left in one.left if left.old == old)


def said_of(one, subject):
    return " ".join(differs.sentence for differs in one.differs if differs.subject == subject)


@pytest.mark.parametrize("name", ALL)
def test_file_becomes_a_configuration_that_loads_and_every_setting_is_accounted_for(tmp_path, name):
    path = tmp_path / "old.json" if name == "heterodyne-analysis" else tmp_path / "old.yaml"
    path.write_text(ALL[name], encoding="utf-8")
    one = import_config(path)
    assert one.program == name.partition(",")[0]
    new = tmp_path / "new.yaml"
    new.write_text(config_text(one, path.name), encoding="utf-8")
    assert load_config(new).document == one.config_document
    told = report_text(one, path.name)
    settings = dict(leaves(parse_yaml(ALL[name]), ""))
    accounted = {entry.old.partition("[")[0] for entry in (*one.translated, *one.left)} | {"phi_filtering.enabled"}
    for setting in settings:
        if not setting.endswith(("parameter_names", "angle_filtering.enabled")):
            assert setting.partition("[")[0] in accounted, setting
    assert all(entry.old in told for entry in one.left)
    assert max(map(len, told.splitlines())) < 200


def test_measurement_is_the_same_everywhere():
    for text, frames in (
        (HETERODYNE, [1, 40]),
        (HETERODYNE_FIRST, [11, 40]),
        (XPCSJAX, [11, 40]),
        (HOMODYNE, [11, 30]),
    ):
        data = imported(text).config_document["data"]
        assert (data["q"], data["dt"], data["frames"]) == (Q, DT, frames)
    assert imported(HETERODYNE).config_document["data"]["phi"] == [[-50, -40], [5, 15]]
    assert imported(HETERODYNE_FIRST).config_document["data"]["phi"] == [10, -45]
    assert imported(HETERODYNE_ANALYSIS).config_document["data"]["phi"] == [[-50, 15]]
    assert "phi" not in imported(XPCSJAX).config_document["data"]


def test_a_measurement_is_read_by_the_imported_configuration(tmp_path):
    path = write_phis(tmp_path / "run12.h5", [-45.0, 10.0, 90.0])
    data = load_data(path, config=imported(HETERODYNE, analyzer_parameters__end_frame=5).config_document)
    assert data.phi.tolist() == [-45.0, 10.0]
    np.testing.assert_allclose(data.t, np.arange(1, 6) * DT, rtol=1e-15)


def test_values_bounds_and_priors_of_heterodyne():
    one = parameters(imported(HETERODYNE))
    assert one["D0_sample"]["prior"] == {"family": "lognormal", "location": 9, "scale": 1.0, "truncated": False}
    assert one["phi0"] == {
        "value": 4,
        "vary": True,
        "bounds": [-3, 9],
        "prior": {"family": "normal", "location": 2, "scale": 5.0, "truncated": True},
    }
    assert one["D_offset_sample"] == {"value": 0, "vary": False}
    assert one["contrast"] == {"value": 0.2, "bounds": [0, 1]}
    whole = imported(HETERODYNE)
    assert whole.config_document["scaling"] == {"fourier": 2}
    assert whole.config_document["nlsq"] == {"start": "multistart"}
    assert whole.config_document["cmc"] == {"warmup": 300, "samples": 1500, "chains": 2, "shards": "auto"}
    assert whole.config_document["output"] == {"directory": "./output", "plots": False}
    assert "normal or lognormal" in reason_for(whole, "parameter_space.bounds[beta].type")
    assert "the sign is kept" in said_of(whole, "phi0")


def test_sign_of_phi0_flips_where_the_program_subtracts():
    one = imported(HETERODYNE_ANALYSIS)
    assert parameters(one)["phi0"] == {
        "value": -4,
        "vary": True,
        "bounds": [-9, 3],
        "prior": {"family": "normal", "location": -2, "scale": 5.0, "truncated": False},
    }
    assert "change sign" in said_of(one, "phi0")


def test_names_and_ties_of_xpcsjax():
    one = imported(XPCSJAX)
    assert parameters(one)["D0_sample"] == {"tie": "D0_ref"}
    assert parameters(one)["alpha_ref"] == {"value": 0, "vary": False}
    assert parameters(one)["beta"] == {"value": 0, "vary": False}
    assert parameters(one)["phi0"] == {"value": 4, "bounds": [-10, 10]}
    # Its lower bound 0 of v0 does not go with our prior: our own words say so.
    assert "lower bound above 0 (lognormal prior)" in reason_for(one, "parameter_space.bounds[v0].min")
    assert "in the order of the other program" in reason_for(one, "initial_parameters.per_angle_scaling.contrast")
    assert one.config_document["scaling"] == "individual"
    assert one.config_document["nlsq"] == {"loss": "linear"}
    assert "two folders" in reason_for(one, "output.directory")


def test_clock_of_a_later_window_shifts_f2_and_leaves_powers_of_the_age():
    one = imported(HETERODYNE, analyzer_parameters__start_frame=21)
    assert parameters(one)["f2"] == {
        "value": 2.5,
        "vary": True,
        "bounds": [-8, 12],
        "prior": {"family": "normal", "location": 3, "scale": 4.0, "truncated": True},
    }
    assert not {"D0_ref", "alpha_ref", "D0_sample", "alpha_sample", "v0", "beta"} & set(parameters(one))
    assert "age" in reason_for(one, "parameters.reference.D0_ref.value")
    assert "(2 s)" in said_of(one, "age")
    # What does not depend on the clock stays.
    assert parameters(one)["D_offset_ref"]["value"] == 50
    unknown = imported(HETERODYNE, analyzer_parameters__start_frame=21, analyzer_parameters__dt=None)
    assert "unknown without dt" in reason_for(unknown, "parameters.fraction.f2.value")


def test_physics_of_homodyne_is_left_with_the_reason():
    one = imported(HOMODYNE)
    assert "model" not in one.config_document
    assert "another model" in reason_for(one, "initial_parameters.values")
    assert "another model" in reason_for(one, "parameter_space.bounds[D0].min")
    assert one.config_document["cmc"] == {"warmup": 2000, "samples": 4000, "chains": 4}
    assert one.config_document["output"] == {"directory": "./results_mcmc"}


def test_one_transport_for_both_components_becomes_a_tie():
    document = json.loads(HETERODYNE_ANALYSIS)
    document["initial_parameters"] = {
        "parameter_names": ["D0", "alpha", "D_offset", "v0", "beta", "v_offset", "f0", "f1", "f2", "f3", "phi0"],
        "values": [4000.0, 0.0, 10.0, 900.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0],
        "active_parameters": ["D0", "D_offset", "v0", "f0"],
    }
    one = import_document(document)
    assert parameters(one)["D0_ref"] == {"value": 4000, "vary": True}
    assert parameters(one)["alpha_ref"] == {"value": 0, "vary": False}
    assert {name: parameters(one)[name] for name in ("D0_sample", "alpha_sample", "D_offset_sample")} == {
        "D0_sample": {"tie": "D0_ref"},
        "alpha_sample": {"tie": "alpha_ref"},
        "D_offset_sample": {"tie": "D_offset_ref"},
    }


@pytest.mark.parametrize(
    ("changes", "old", "reason"),
    [
        ({"parameters__velocity": {"v0": "fast"}}, "parameters.velocity.v0", "is not a number"),
        ({"parameters__velocity": {"v0": {"vary": False}}}, "parameters.velocity.v0.vary", "does not state"),
        ({"parameters__velocity": {"v0": {"min": 1}}}, "parameters.velocity.v0.min", "bounds need two numbers"),
        ({"parameters__velocity": {"v0": {"value": 0, "vary": False}}}, "parameters.velocity.v0.vary", "found 0"),
        ({"parameters__velocity": {"vx": {"value": 1}}}, "parameters.velocity.vx.value", "no such parameter"),
        ({"initial_parameters__values": [1.0, 0.3]}, "initial_parameters.values[D0_ref]", "contradicting values"),
        ({"initial_parameters__values": [1.0]}, "initial_parameters.values", "1 entries for 2 parameter_names"),
        ({"analyzer_parameters__dt": -1}, "analyzer_parameters.dt", "not a positive number"),
        ({"analyzer_parameters__time_unit": "ms"}, "analyzer_parameters.dt", "time_unit states ms"),
        ({"analyzer_parameters__start_frame": 0}, "analyzer_parameters.start_frame", "counted from 1"),
        ({"analyzer_parameters__end_frame": -1}, "analyzer_parameters.end_frame", "all frames are read"),
        ({"analyzer_parameters__frame_step": 2}, "analyzer_parameters.frame_step", "a new file with another dt"),
        ({"experimental_data__file_path": "a.npz"}, "analyzer_parameters.end_frame", "contains only the window"),
        (
            {"phi_filtering__target_ranges": [{"min_angle": 3}]},
            "phi_filtering.target_ranges[0].min_angle",
            "not a pair",
        ),
        ({"phi_filtering__enabled": "off"}, "phi_filtering.target_ranges[1].max_angle", "filter is off"),
        ({"optimization__nlsq": {"per_angle_mode": "auto"}}, "optimization.nlsq.per_angle_mode", "choose scaling"),
    ],
)
def test_what_is_not_certain_is_left_and_said(changes, old, reason):
    one = imported(HETERODYNE, **changes)
    assert reason in reason_for(one, old)
    assert not [entry for entry in one.translated if entry.old == old]


def test_a_parameter_that_is_freed_is_named():
    one = imported(
        XPCSJAX, initial_parameters__fixed_parameters={"D0_ref": 0.0}, initial_parameters__tied_parameters=None
    )
    assert "is fixed there but free here" in said_of(one, "D0_ref")
    assert not said_of(one, "D0_sample")
    assert not said_of(imported(XPCSJAX), "alpha_ref")


def test_a_value_with_a_label_of_another_unit_is_left():
    document = json.loads(HETERODYNE_ANALYSIS)
    document["initial_parameters"]["parameter_descriptions"] = {"v0": "Reference velocity (nm/s)"}
    one = import_document(document)
    assert "labelled nm" in reason_for(one, "initial_parameters.values[v0]")
    assert "v0" not in parameters(one)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("analyzer_parameters:\n\tdt: 0.1\n", r"line 2, column 1: found .*'\\t'"),
        ("analyzer_parameters: {dt: 0.1}\nanalyzer_parameters: {dt: 0.2}\n", "line 2, column 1: found duplicate key"),
        ("temporal: {dt: &a 0.1}\nscattering: {wavevector_q: *a}\n", "aliases are not accepted"),
        (
            "parameter_space: {bounds: [{name: v0, min: 1}, {name: v0, max: 2}]}",
            "found 'v0' twice, expected unique names",
        ),
        ("data: {q: 0.0054}\n", "a configuration of this program.*use it without import"),
        ("title: a\n", "found the sections title, expected experimental_data"),
        ("- 1\n", "found no mapping"),
        (HETERODYNE + "analysis_mode: static\n", "settings of heterodyne and of homodyne"),
    ],
)
def test_unusable_files_give_one_clear_line(tmp_path, text, found):
    path = tmp_path / "old.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=found) as caught:
        import_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_numbers_written_as_text_are_numbers():
    one = imported(HETERODYNE, analyzer_parameters__dt="1e-1", parameters__velocity={"v0": {"value": "2e3"}})
    assert one.config_document["data"]["dt"] == DT
    assert parameters(one)["v0"]["value"] == 2000


def places(document, path=()):
    """Return the path of every value inside a document."""
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [(*path, key) for key, _ in inner] + [deep for key, value in inner for deep in places(value, (*path, key))]


@settings(max_examples=50)
@given(data=st.data(), name=st.sampled_from(sorted(ALL)), value=json_documents)
def test_any_damage_to_a_file_leaves_a_valid_configuration_or_a_clear_error(data, name, value):
    document = copy.deepcopy(parse_yaml(ALL[name]))
    *outer, last = data.draw(st.sampled_from(places(document)))
    target = document
    for part in outer:
        target = target[part]
    target[last] = value
    try:
        one = import_document(document)
    except ConfigError as error:
        assert "\n" not in str(error)
    else:
        load_config(dict(one.config_document))
        report_text(one, "old.yaml")


# ---- physics: c2 by the other program's conventions, written out here, against this model with the imported parameters


def integral(values, rule):
    """Return |or signed integral from t1 to t2 of `values` on the grid of frames, (N, N)."""
    steps = (values[1:] + values[:-1]) / 2 if rule == "trapezoid" else values[1:]
    total = np.concatenate([[0.0], np.cumsum(steps) * DT])
    return total[None, :] - total[:, None]


def correlate(j_ref, j_sample, v, x, angle, rule):
    decay_r, decay_s = (np.exp(-(Q**2) / 2 * np.abs(integral(j, rule))) for j in (j_ref, j_sample))
    r, s = np.multiply.outer(1 - x, 1 - x), np.multiply.outer(x, x)
    n = np.multiply.outer(x**2 + (1 - x) ** 2, x**2 + (1 - x) ** 2)
    cross = 2 * r * s * decay_r * decay_s * np.cos(Q * np.cos(np.deg2rad(angle)) * integral(v, rule))
    return 1.0 + 0.2 * ((r * decay_r) ** 2 + (s * decay_s) ** 2 + cross) / n


def softplus(u):
    return np.logaddexp(0, 50 * u) / 50


def theirs(p, phi, n_t, *, first_age, sign, rule, smooth):
    """c2 as the other program computes it, with its own parameters `p` and its own clock."""
    t = (first_age + np.arange(n_t)) * DT
    power = {a: np.where(t > 0, np.maximum(t, 1e-10) ** p[a], 0.0 if p[a] else 1.0) for a in ("a_r", "a_s", "b")}
    x = p["f0"] * np.exp(p["f1"] * (t - p["f2"])) + p["f3"]
    if smooth:
        x = 1 - softplus(1 - softplus(x))
    rates = (p["D_r"] * power["a_r"] + p["o_r"], p["D_s"] * power["a_s"] + p["o_s"], p["v0"] * power["b"] + p["v_o"])
    angle = phi + p["phi0"] if sign > 0 else p["phi0"] - phi
    return correlate(*rates, x, angle, rule)


def ours(values, phi, t):
    """c2 of this model, from the specification's functions."""
    model = load_model()
    full = {**dict(zip(model.names, model.defaults, strict=True)), **values}
    j_r, j_s, v, x = (model.evaluate(name, full, t) for name in ("J_r", "J_s", "v", "x"))
    return correlate(j_r, j_s, v, x, phi + full["phi0"], "trapezoid")


def started(one):
    """Return the start values of an imported configuration, ties resolved."""
    given_ = parameters(one)
    return {
        name: given_[entry["tie"]]["value"] if "tie" in entry else entry["value"]
        for name, entry in given_.items()
        if name not in ("contrast", "offset") and ("tie" in entry or "value" in entry)
    }


KEYS = ("D_r", "a_r", "o_r", "D_s", "a_s", "o_s", "v0", "b", "v_o", "f0", "f1", "f2", "f3", "phi0")
STEADY = dict(zip(KEYS, [4000.0, 0, 50.0, 4000.0, 0, 50.0, 1500.0, 0, 20.0, 0.2, -0.3, 0.5, 0.4, 4.0], strict=True))
CASES = {
    "heterodyne": (
        HETERODYNE,
        dict(zip(KEYS, [4e3, 0.3, 50.0, 9e3, -0.4, 0.0, 2e3, -0.2, 10.0, 0.2, -0.3, 0.5, 0.4, 4.0], strict=True)),
        {"first_age": 1, "sign": 1, "rule": "trapezoid", "smooth": True},
    ),
    "xpcsjax": (XPCSJAX, STEADY, {"first_age": 1, "sign": 1, "rule": "trapezoid", "smooth": True}),
    "heterodyne-analysis": (
        HETERODYNE_ANALYSIS,
        {**STEADY, "D_s": 9000.0, "o_s": 0.0},
        {"first_age": 0, "sign": -1, "rule": "sums", "smooth": False},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_correlation_with_the_imported_parameters_is_that_of_the_other_program(tmp_path, name):
    text, p, convention = CASES[name]
    one = imported(text)
    n_t = 40
    maps = {i + 1: np.triu(make_map(n_t, seed=i)) for i in range(2)}
    path = write_apsu(tmp_path / "a.h5", maps, q=[Q], phi=[-45.0, 10.0], mapping=np.arange(2), frame_time=DT)
    data = load_data(path, config=one.config_document)
    for phi in data.phi:
        expected = theirs(p, phi, data.n_t, **convention)
        values = started(one)
        # The smooth clip of recent versions differs by e^(-50 x) / 50 from a cut one; x is 0.4 to 0.65 here.
        np.testing.assert_allclose(ours(values, phi, data.t), expected, rtol=0, atol=1e-9)
        for broken in ({"phi0": -values["phi0"]}, {"f2": values["f2"] + 1.0}):
            assert np.abs(ours({**values, **broken}, phi, data.t) - expected).max() > 1e-3


def test_control_codes_of_another_configuration_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "old.json"
    v0 = '{"a\\u0000b\\n": "\\ud800"}'
    path.write_text(f'{{"analyzer_parameters": {{"dt": 0.1}}, "parameters": {{"velocity": {{"v0": {v0}}}}}}}')
    assert all(line.isprintable() for line in report_text(import_config(path), "old.json").splitlines())


def test_bounds_that_leave_out_the_default_are_left_and_said_so(tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text(
        "analyzer_parameters: {dt: 0.1, scattering: {wavevector_q: 0.005}}\n"
        "parameters: {sample: {D0_sample: {min: 1.0, max: 2.0}}, velocity: {v0: {value: 10.0}}}\n"
    )
    imported = import_config(path)
    assert "D0_sample" not in imported.config_document["model"]["parameters"]
    assert {one.old.rpartition(".")[2] for one in imported.left} >= {"min", "max"}


def test_import_loads_nothing_heavy():
    probe = (
        "import sys, heterodyne_cli.migration; print([n for n in ('jax', 'h5py', 'matplotlib') if n in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
