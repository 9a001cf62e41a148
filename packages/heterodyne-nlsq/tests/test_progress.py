"""What is shown of a fit while it runs: stages from the beginning, and a time left that is meant."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import at, make, values

from heterodyne_data import save_data
from heterodyne_nlsq import command, durations, fit_nlsq_jax
from heterodyne_nlsq.durations import Forecast, forecast, remember
from heterodyne_nlsq.progress import Compiler, FitProgress
from heterodyne_report import Console, Stage, stage_kind
from heterodyne_spec import load_config


class Seen:
    """A `progress` that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.iterations: list[tuple[int, float]] = []

    def stage(self, name: str) -> None:
        self.told.append(name)

    def __call__(self, iteration: int, cost: float) -> None:
        assert stage_kind(self.told[-1]) == Stage.FITS
        self.iterations.append((iteration, cost))


@pytest.mark.slow
def test_a_fit_announces_its_stages_in_their_order(tmp_path: Path) -> None:
    path, seen = tmp_path / "measurement.h5", Seen()
    save_data(path, make(), layout="aps-u")
    fit_nlsq_jax(path, progress=seen)
    kinds = list(dict.fromkeys(map(stage_kind, seen.told)))
    assert kinds == ["reading", Stage.COMPILING, Stage.STARTS, Stage.FITS, Stage.UNCERTAINTIES]
    fits = [name for name in seen.told if stage_kind(name) == Stage.FITS]
    heats = [name for name in fits if name.startswith("short")]
    assert heats == [f"short fit {k + 1} of {len(heats)}" for k in range(len(heats))]
    finals = [name for name in fits if name.startswith("fit ") and " of " in name]
    assert finals == [f"fit {k + 1} of {len(finals)}" for k in range(len(finals))]
    assert finals
    assert seen.iterations


def test_one_start_is_one_fit_and_a_plain_function_is_told_of_iterations() -> None:
    seen, calls = Seen(), []
    data, config = make(), at(values())
    result = fit_nlsq_jax(data, config, progress=seen)
    assert seen.told == [Stage.COMPILING, Stage.STARTS, "fit 1 of 1", Stage.UNCERTAINTIES]
    again = fit_nlsq_jax(data, config, progress=lambda iteration, cost: calls.append((iteration, cost)))
    assert calls == seen.iterations
    assert again.cost == result.cost


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "heterodyne"


EXPECTED = {Stage.LOADING: 1.0, Stage.COMPILING: 4.0, Stage.FITS: 10.0, Stage.UNCERTAINTIES: 5.0}


@pytest.mark.parametrize(
    ("spent", "kind", "elapsed", "left"),
    [
        ({}, Stage.LOADING, 0.0, 20.0),
        ({Stage.LOADING: 1.0}, Stage.COMPILING, 1.0, 18.0),
        # Twice as slow as expected: so is what is to come.
        ({Stage.LOADING: 2.0, Stage.COMPILING: 8.0}, Stage.FITS, 4.0, 26.0),
        # Faster than expected: everything was compiled.
        ({Stage.LOADING: 0.5, Stage.COMPILING: 2.0}, Stage.FITS, 1.0, 6.5),
        # Longer than expected: what follows counts in proportion.
        ({Stage.LOADING: 1.0, Stage.COMPILING: 4.0}, Stage.FITS, 30.0, 15.0),
        ({Stage.LOADING: 1.0, Stage.COMPILING: 4.0, Stage.FITS: 10.0}, Stage.UNCERTAINTIES, 5.0, 0.0),
        ({}, "reading a.h5", 3.0, None),
    ],
)
def test_time_left_follows_from_what_was_expected_and_how_it_went(
    spent: dict[str, float], kind: str, elapsed: float, left: float | None
) -> None:
    found = Forecast(EXPECTED, True).left(spent, kind, elapsed)
    assert found == (None if left is None else pytest.approx(left))


def test_a_fit_of_the_same_size_is_expected_to_take_what_the_last_took(cache: Path) -> None:
    data, config = make(n_t=20), load_config()
    first = forecast(data, config, remembered=True, pictures=True)
    assert not first.known
    assert list(first.expected) == [
        Stage.LOADING,
        Stage.COMPILING,
        Stage.STARTS,
        Stage.FITS,
        Stage.UNCERTAINTIES,
        Stage.PICTURES,
    ]
    took = {Stage.LOADING: 1.0, Stage.FITS: 2.5, Stage.UNCERTAINTIES: 3.0, Stage.PICTURES: 4.0}
    remember(data, config, took)
    assert forecast(data, config, remembered=True, pictures=True) == Forecast(took, True)
    # One without pictures leaves what is known of them.
    remember(data, config, {Stage.FITS: 2.0})
    plain = forecast(data, config, remembered=True, pictures=False)
    assert plain.expected == {Stage.LOADING: 1.0, Stage.FITS: 2.0, Stage.UNCERTAINTIES: 3.0}
    assert not forecast(data, config, remembered=False, pictures=True).known
    assert not forecast(make(n_t=21), config, remembered=True, pictures=True).known
    assert not forecast(data, load_config({"nlsq": {"start": "values"}}), remembered=True, pictures=True).known


def test_the_record_is_bounded_and_one_that_is_damaged_or_cannot_be_written_costs_the_forecast_only(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durations, "_MOST", 2)
    config = load_config()
    for n_t in (20, 21, 22):
        remember(make(n_t=n_t), config, {Stage.FITS: float(n_t)})
    known = [forecast(make(n_t=n_t), config, remembered=True, pictures=True).known for n_t in (20, 21, 22)]
    assert known == [False, True, True]
    for text in ("{", "[]", '{"a": 1, "b": {"fit": "long"}, "c": {"fit": NaN}}'):
        (cache / "durations.json").write_text(text)
        assert not forecast(make(n_t=22), config, remembered=True, pictures=True).known
    (cache / "durations.json").unlink()
    cache.rmdir()
    cache.write_text("a file where the folder should be")
    remember(make(n_t=20), config, {Stage.FITS: 1.0})


def test_compiling_is_seen_and_counted_by_what_jax_reports() -> None:
    heard = Compiler()
    assert (heard.busy, heard.seconds) == (0.0, 0.0)
    heard.listen("/jax/core/compile/jaxpr_to_mlir_module_duration", 0.1)
    assert heard.busy > 0.0
    heard.listen("/jax/core/compile/backend_compile_duration", 2.0)
    assert heard.busy == 0.0
    assert heard.seconds == 2.0


def test_seconds_of_stages_are_without_those_of_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    now, heard = [100.0], Compiler()
    monkeypatch.setattr("heterodyne_nlsq.progress.time.monotonic", lambda: now[0])
    monkeypatch.setattr("heterodyne_nlsq.progress.compiler", lambda: heard)
    with Console(quiet=True).progress() as shown:
        progress = FitProgress(shown)
        progress.stage(Stage.LOADING)
        progress.hear_compiler()
        now[0] += 1
        progress.stage("short fit 1 of 2")
        now[0] += 5
        heard.listen("/jax/core/compile/backend_compile_duration", 4.0)
        progress.stage("fit 1 of 1")
        now[0] += 2
        assert progress.finish() == {Stage.LOADING: 1.0, Stage.FITS: 3.0}


def test_the_command_tells_every_stage_and_remembers_their_times(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "measurement.h5"
    save_data(path, make(), layout="aps-u")
    (tmp_path / "config.json").write_text(json.dumps(at(values(), output={"plots": False})))
    arguments = ["--data", str(path), "--config", str(tmp_path / "config.json"), "--output", str(tmp_path / "out")]
    assert command.main([*arguments, "--json", "--no-cache"]) == 0
    assert not cache.exists()
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [event for event in events if event["event"] == "progress"]
    assert list(dict.fromkeys(event["stage"] for event in told)) == [
        *(
            "reading measurement.h5",
            Stage.LOADING,
            Stage.COMPILING,
            Stage.STARTS,
            "fit 1 of 1",
            Stage.UNCERTAINTIES,
            Stage.PICTURES,
        )
    ]
    assert all(event["seconds_left"] >= 0 for event in told[1:])
    # Values and verdict are told before anything is drawn.
    names = [event.get("stage", event["event"]) for event in events]
    assert names.index("result") < names.index(Stage.PICTURES) < names.index("written")


def test_a_terminal_shows_from_the_first_moment_that_a_fit_begins(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    words = [sys.executable, "-m", "heterodyne_nlsq.entry", "--data", "missing.h5"]
    done = subprocess.run(words, stdout=theirs, stderr=theirs, cwd=tmp_path, check=False)
    assert done.returncode == 1
    os.close(theirs)
    said = b""
    with suppress(OSError):  # Linux: the end of what was written to a terminal that is closed
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    assert said.startswith(b"starting\r\x1b[K\r\x1b[Kreading missing.h5: 0 s\r\x1b[Kerror: "), said
