"""The viewer's numbers: block means, cuts, the model at pairs, trial costs, the configuration of the next fit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("panel", reason="the extra view is not installed")

from heterodyne_cli.view.cuts import cut, pairs_of_cut
from heterodyne_cli.view.windows import Pyramid, block_means, window_of
from heterodyne_cli.view.workspace import Workspace
from heterodyne_spec import ResultError

RNG = np.random.default_rng(5)
TRUTH = {
    "D0_ref": 3000.0,
    "D0_sample": 12000.0,
    "v0": 300.0,
    "f0": 0.3,
    "f1": -0.1,
    "f3": 0.3,
    "alpha_ref": -0.2,
    "alpha_sample": -0.2,
}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fit of 2 azimuths of 40 frames with white noise."""
    import jax

    from heterodyne_data import TwoTimeData
    from heterodyne_nlsq import fit_nlsq_jax
    from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

    t, phi = 0.25 * np.arange(1, 41), np.array([0.0, 45.0])
    with jax.enable_x64(True):
        c2 = np.array(c2_meshgrid(HeterodyneModel(**TRUTH), t, 0.0054, phi, 0.2, 1.0))
    noise = np.triu(np.random.default_rng(1).normal(0, 0.003, c2.shape), 1)
    data = TwoTimeData(c2=c2 + noise + noise.swapaxes(1, 2), q=0.0054, phi=phi, t=t)
    folder = tmp_path_factory.mktemp("fit")
    held = {key: {"vary": False} for key in ("D_offset_ref", "D_offset_sample", "v_offset")}
    tied = {"alpha_ref": {"tie": "alpha_sample"}}
    fit_nlsq_jax(data, {"model": {"parameters": held | tied}}).save(folder)
    return folder


def _map(n: int) -> np.ndarray:
    values = RNG.normal(1.1, 0.1, (n, n)).astype(np.float32)
    values[RNG.random((n, n)) < 0.1] = np.nan
    values[n // 3] = values[:, n // 3] = np.nan
    return values


def _means(values: np.ndarray, rows: tuple[int, int], columns: tuple[int, int], width: int) -> np.ndarray:
    """Means over blocks by loops, the last blocks as they are."""
    found = []
    for r in range(*rows, width):
        line = [values[r : min(r + width, rows[1]), c : min(c + width, columns[1])] for c in range(*columns, width)]
        found.append([np.nanmean(block, dtype=float) if np.isfinite(block).any() else np.nan for block in line])
    return np.array(found)


@pytest.mark.parametrize("width", [1, 3, 7])
def test_block_means_are_those_of_loops(width: int) -> None:
    values = _map(40)
    assert np.allclose(block_means(values, width), _means(values, (0, 40), (0, 40), width), equal_nan=True)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [((0, 1700), (0, 1700)), ((30.5, 1650.2), (400, 1690)), ((100, 180), (3, 90)), ((-20, 5000), (-3, 4))],
)
def test_a_view_holds_the_means_of_its_window_and_panning_does_not_change_them(
    rows: tuple[float, float], columns: tuple[float, float]
) -> None:
    values = _map(1700)
    view = Pyramid.of(values).view(window_of(1700, rows, columns))
    window, width = view.window, view.width
    assert max(view.values.shape) <= 301
    assert window.first_row <= max(rows[0], 0) and window.end_row >= min(rows[1], 1700)
    assert window.first_column <= max(columns[0], 0) and window.end_column >= min(columns[1], 1700)
    assert window.first_row % width == window.first_column % width == 0
    direct = _means(values, (window.first_row, window.end_row), (window.first_column, window.end_column), width)
    assert np.allclose(view.values, direct, equal_nan=True, atol=1e-6)


def test_cuts_are_means_over_the_pairs_of_an_age() -> None:
    values = _map(30)
    found = cut(values, pairs_of_cut(30, 10, "from", 1))
    assert np.array_equal(found.lag, np.arange(1, 20))
    assert np.allclose(found.mean, values[10, 11:], equal_nan=True)
    found = cut(values, pairs_of_cut(30, 12, "across", 1))
    even = found.lag % 2 == 0
    expected = [values[12 - lag // 2, 12 + lag // 2] for lag in found.lag[even]]
    assert np.allclose(found.mean[even], expected, equal_nan=True)
    # All pairs lie within half a frame of the age, inside the map.
    pairs = pairs_of_cut(30, 12, "across", 1)
    assert np.abs((pairs.i + pairs.j)[pairs.inside] / 2 - 12).max() <= 0.5
    wide = pairs_of_cut(30, 10, "from", 3)
    found = cut(values, wide)
    lag = 4
    three = np.array([values[i, i + lag] for i in (9, 10, 11)])
    assert np.isclose(found.mean[lag - 1], np.nanmean(three))
    count = np.isfinite(three).sum()
    assert found.number[lag - 1] == count
    assert np.isclose(found.error[lag - 1], np.nanstd(three, ddof=1) / np.sqrt(count), equal_nan=True)


def test_the_model_at_pairs_is_that_of_the_grid_and_its_band_the_scatter_of_draws(fitted: Path) -> None:
    import jax

    from heterodyne_cli.view.model_at import ModelAt
    from heterodyne_cli.view.values import Values
    from heterodyne_data import NLSQResult
    from heterodyne_physics_meshgrid import HeterodyneModel, c2_meshgrid

    result = NLSQResult.load(fitted)
    data, values = result.data, Values.of(result)
    at = ModelAt("two-component", data.t, data.q, data.phi)
    i, j = np.triu_indices(data.n_frames, 1)

    def grid(parameters: dict[str, float], contrast: float, offset: float) -> np.ndarray:
        with jax.enable_x64(True):
            model = HeterodyneModel(**parameters)
            return np.asarray(c2_meshgrid(model, data.t, data.q, data.phi[1], contrast, offset))[i, j]

    assert np.allclose(
        at.c2(values, 1, i, j), grid(result.parameters, result.contrast[1], result.offset[1]), atol=1e-10
    )
    # Draws of the joint covariance, shrunk so that the model is straight over them.
    joint, small = result.scaling.joint_covariance, 1e-4
    assert joint is not None
    draws = small * RNG.multivariate_normal(np.zeros(len(joint)), joint, 400, method="eigh")
    n_free, n_phi = len(result.varying), len(data.phi)
    seen = []
    for draw in draws:
        moved = {name: result.parameters[name] + draw[k] for k, name in enumerate(result.varying)}
        moved["alpha_ref"] = moved["alpha_sample"]
        scaling = result.contrast[1] + draw[n_free + 1], result.offset[1] + draw[n_free + n_phi + 1]
        seen.append(grid({**result.parameters, **moved}, *scaling))
    band = at.band(result, 1, i, j)
    assert band is not None
    assert np.allclose(np.std(seen, axis=0) / small, band, rtol=0.25)


def test_the_cost_of_trial_values_is_that_of_a_fit(fitted: Path) -> None:
    from heterodyne_data import NLSQResult, TwoTimeData
    from heterodyne_nlsq import cost_function

    result = NLSQResult.load(fitted)
    assert result.maps is not None
    c2, model = (maps.astype(float) for maps in result.maps)
    data = TwoTimeData(c2=c2, q=result.data.q, phi=result.data.phi, t=result.data.t)
    cost = cost_function(data, result.config)
    at_fit = cost(result.parameters, result.contrast, result.offset)
    assert at_fit == pytest.approx(result.cost, rel=1e-6)
    i, j = np.triu_indices(result.data.n_frames, 1)
    other = result.offset + 0.01
    moved = c2 - (model - result.offset[:, None, None] + other[:, None, None])
    # The stored model is in single precision.
    assert cost(result.parameters, result.contrast, other) == pytest.approx(0.5 * np.sum(moved[:, i, j] ** 2), rel=1e-5)


def test_the_form_gives_the_configuration_that_does_the_same(fitted: Path, tmp_path: Path) -> None:
    from heterodyne_cli.view.map_pane import MapPane
    from heterodyne_cli.view.measured import look_at_result
    from heterodyne_cli.view.refit import Refit
    from heterodyne_cli.view.running import Fits
    from heterodyne_cli.view.values import Values
    from heterodyne_spec import load_model

    source = tmp_path / "m.h5"
    source.touch()
    maps = MapPane(look_at_result(fitted))
    form = Refit(maps._looked, load_model(), str(source), maps, Fits(), lambda folder, method: None)
    # A posterior of the same configuration starts from this fit, one of another fits first.
    form.method.value = "cmc"
    assert f"--nlsq-result {fitted}" in form.text.object
    t, step = maps._looked.t, maps._looked.data.dt
    for axis in (maps._x, maps._y):
        axis.start, axis.end = t[2] - step / 2, t[8] + step / 2
    assert form.document()["data"] == {"q": 0.0054}
    assert form.document()["model"]["parameters"]["alpha_ref"]["tie"] == "alpha_sample"
    form.mask_view.clicks += 1
    form.rows["phi0"]["vary"].value = False
    form.rows["v0"]["low"].value = 1.0
    form.rows["beta"]["tie"].value = "alpha_sample"
    form.phi.value = form.phi.value[:1]
    form.take.clicks += 1
    assert "--nlsq-result" not in form.text.object
    document = form.document()
    assert document["data"] == {"q": 0.0054, "frames": [3, 9], "mask_frames": list(range(3, 10)), "phi": [0.0]}
    parameters = document["model"]["parameters"]
    assert parameters["phi0"]["vary"] is False
    assert parameters["v0"]["bounds"] == [1.0, 10000.0]
    assert parameters["beta"]["tie"] == "alpha_sample"
    looked = look_at_result(fitted)
    assert looked.result is not None
    form.start_from(Values({**looked.result.parameters, "f3": 0.25}, np.ones(2), np.ones(2)))
    assert form.document()["model"]["parameters"]["f3"]["value"] == 0.25
    assert not form.run.disabled and "heterodyne --config" in form.text.object
    form.mask.value = "3-x"
    assert form.run.disabled and "data.mask_frames" in form.text.object
    form.mask.value = ""
    form.output.value = " "
    assert form.run.disabled and "folder: found nothing" in form.text.object
    form.source.value = "gone.h5"
    assert form.run.disabled and "gone.h5" in form.text.object


def test_an_interactive_page_is_one_small_file_without_addresses(fitted: Path, tmp_path: Path) -> None:
    from heterodyne_cli import command

    page = tmp_path / "page.html"
    assert command.main(["report", str(fitted), "--interactive", "--output", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_size < 10_000_000
    # The library itself names addresses, which a browser test sees that it does not ask for.
    assert "<script src=" not in text and "<link" not in text
    assert json.dumps("J of the reference / Å²/s")[1:10] in text


def test_what_is_no_result_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from heterodyne_cli import command

    for path, words in ((tmp_path, "a folder without"), (tmp_path / "gone.h5", "no such file")):
        assert command.main(["view", str(path), "--no-browser"]) == 1
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1


def test_of_a_folder_what_cannot_be_read_is_a_line_beside_the_others(fitted: Path, tmp_path: Path) -> None:
    from heterodyne_cli.view.workspace import Workspace
    from heterodyne_data import NLSQResult
    from heterodyne_spec import DataError

    fit = tmp_path / "fit"
    NLSQResult.load(fitted).save(fit)
    (tmp_path / "bad.h5").write_bytes(b"no HDF5")
    (tmp_path / "notes.txt").touch()
    workspace = Workspace([tmp_path])
    # A fit from the page in that folder is one line, too.
    workspace.fits.results.append(fit)
    bad, good = workspace.items()
    assert (bad.kind, good.kind, good.key) == ("failed", "result", str(fit))
    assert "HDF5" in bad.row["message"] and str(tmp_path) not in bad.row["message"]
    with pytest.raises(DataError, match=r"bad\.h5: .*HDF5"):
        bad.look()


def test_a_joint_fit_is_opened_by_its_measurements(fitted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "together"
    for name in ("01", "02"):
        shutil.copytree(fitted, folder / name)
    members = [{"label": name, "folder": name} for name in ("01", "02")]
    (folder / "joint_result.json").write_text(json.dumps({"kind": "joint_result", "members": members}))
    items = Workspace([folder]).items()
    assert [item.path for item in items] == [folder / "01", folder / "02"]
    assert {item.kind for item in items} == {"result"}
    (folder / "joint_result.json").write_text("{")
    with pytest.raises(ResultError, match=r"joint_result\.json"):
        Workspace([folder])


def test_what_a_notebook_holds_is_explored_by_the_same_panes(fitted: Path) -> None:
    import panel as pn
    from bokeh.models import ColumnDataSource

    from heterodyne_data import NLSQResult, TwoTimeData

    result = NLSQResult.load(fitted)
    assert result.maps is not None
    other = TwoTimeData(c2=result.maps[0] + 1, q=result.data.q, phi=result.data.phi, t=result.data.t)
    # Two of one q: each shows its own map.
    for value, expected in ((result, result.maps[0]), (other, result.maps[0] + 1)):
        shown = value.explore()
        assert isinstance(shown, pn.Column)
        image = shown.get_root().select_one({"type": ColumnDataSource, "name": "image of data"})
        off = ~np.eye(result.data.n_frames, dtype=bool)
        assert np.allclose(image.data["image"][0][off], expected[0][off])
    # The sliders act at once.
    shown = result.explore()
    dial = next(one for one in shown.select(pn.widgets.FloatInput) if one.label.startswith("v0"))
    dial.value = 500.0
    assert any("relative to the fit" in str(one.object) for one in shown.select(pn.pane.HTML))


def test_without_the_extra_one_line_says_what_to_install(
    fitted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import importlib.util

    from heterodyne_cli import command
    from heterodyne_data import NLSQResult
    from heterodyne_spec import MissingPackageError

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *of: None if name == "panel" else found(name, *of))
    assert command.main(["view", str(fitted), "--no-browser"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "requires panel" in error and "pip install 'heterodyne-cli[view]'" in error
    with pytest.raises(MissingPackageError, match=r"explore\(\) requires panel"):
        NLSQResult.load(fitted).explore()


def test_first_requests_are_answered_before_the_server_is_there() -> None:
    import http.client
    import threading

    from heterodyne_cli.view.waiting import SCRIPTS, Waiting
    from heterodyne_spec import OutputError

    waiting = Waiting(0)
    prefix, answers = f"/{waiting.token}/", list[tuple[int, str | None]]()

    def asked(path: str, **headers: str) -> tuple[int, bytes, str | None]:
        connection = http.client.HTTPConnection("127.0.0.1", waiting.port, timeout=20)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        found = answer.status, answer.read(), answer.getheader("Location")
        connection.close()
        return found

    for name in SCRIPTS:
        # The same scripts as those of the server.
        assert f'src="{name}"'.encode() in asked(prefix)[1]
        assert len(asked(prefix + name)[1]) > 100_000
    assert asked("/")[0] == asked("/wrong/ready")[0] == 404
    assert asked(prefix, Host="evil.example")[0] == asked(f"{prefix}ready", Host="evil.example")[0] == 403
    with pytest.raises(OutputError, match="choose another one with --port"):
        Waiting(waiting.port)
    asking = threading.Thread(target=lambda: answers.append(asked(f"{prefix}all?theme=dark")[::2]))
    asking.start()
    asking.join(0.2)
    assert asking.is_alive()
    listening = waiting.hand_over()
    waiting.begin()
    asking.join(20)
    assert answers == [(307, f"{prefix}all?theme=dark")]
    listening.close()


def test_a_thread_that_outlives_its_page_ends_in_peace() -> None:
    from bokeh.document import Document

    from heterodyne_cli.view.frame import tell_page

    document, called = Document(), list[int]()
    document.callbacks.destroy()
    tell_page(document, lambda: called.append(1))
    assert called == []


def test_help_imports_neither_panel_nor_bokeh() -> None:
    code = (
        "import sys\nfrom heterodyne_cli import command\n"
        "try:\n    command.main(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(sorted({'panel', 'bokeh', 'pandas', 'jax'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "show measurements and results in a browser" in " ".join(done.stdout.split())
