"""Settings of fit, sampler and output: scaling per azimuth, starting values, chains, folders."""

from __future__ import annotations

from typing import Any

from heterodyne_cli.migration.ledger import Ledger
from heterodyne_cli.migration.values import as_switch, as_whole

_MODES = ("optimization.nlsq.per_angle_mode", "optimization.nlsq.anti_degeneracy.per_angle_mode")
_ORDERS = ("optimization.nlsq.fourier_order", "optimization.nlsq.anti_degeneracy.fourier_order")
_MULTISTART = ("optimization.nlsq.multistart", "optimization.nlsq.multi_start.enable")
_MODE = "optimization.nlsq.analysis_mode"
_LOSS = "optimization.nlsq.loss"
_SHARDS = ("optimization.cmc.sharding.num_shards", "optimization.cmc.num_shards")
# Settings of the chains of a shard come first: they override those of the sampler in general.
_SAMPLERS = ("optimization.cmc.per_shard_mcmc", "optimization.cmc", "optimization.mcmc")
_SAMPLER_KEYS = {"num_warmup": "cmc.warmup", "num_samples": "cmc.samples", "num_chains": "cmc.chains"}
_DIRECTORIES = (
    "output.output_dir",
    "output.directory",
    "output.output_directory",
    "output_settings.results_directory",
    "output_directory",
)
_PLOTS = ("plotting.save_plots", "output_config.save_plots", "output_settings.plotting.general.save_plots")


def translate_fitting(ledger: Ledger) -> None:
    """Translate ``scaling``, ``nlsq``, ``cmc`` and ``output``."""
    _scaling(ledger)
    _nlsq(ledger)
    _cmc(ledger)
    _output(ledger)


def _scaling(ledger: Ledger) -> None:
    mode, order = ledger.first(*_MODES), ledger.first(*_ORDERS)
    if mode is None:
        return
    match str(ledger.get(mode)).lower():
        case "individual" | "independent":
            ledger.translate(mode, "scaling", "individual")
        case "fourier" if order and (harmonics := as_whole(ledger.get(order))) is not None:
            ledger.translate(mode, "scaling", {"fourier": harmonics})
            ledger.translate(order, "scaling", {"fourier": harmonics})
        case "fourier":
            ledger.leave(mode, "the order of the series is not given; set scaling: {fourier: ORDER}")
        case _:
            reason = (
                "depends on the number of azimuths or on estimates of the other program: "
                "choose scaling (individual, shared, ...)"
            )
            ledger.leave(mode, reason)


def _nlsq(ledger: Ledger) -> None:
    if many := ledger.first(*_MULTISTART):
        if as_switch(ledger.get(many)):
            ledger.translate(many, "nlsq.start", "multistart")
        else:
            ledger.leave(
                many, "one starting point there; here starting values are estimated from the data (nlsq.start: auto)"
            )
    if ledger.is_open(_MODE) and ledger.get(_MODE) != "two_component":
        ledger.leave(_MODE, "fixes parameters there; fix them here with vary: false")
    if str(ledger.get(_LOSS)).lower() == "linear":
        ledger.translate(_LOSS, "nlsq.loss", "linear")
    elif ledger.is_open(_LOSS):
        ledger.leave(
            _LOSS, "the residual from which it is reduced differs; nlsq.loss: soft_l1 starts at the noise level"
        )


def _cmc(ledger: Ledger) -> None:
    for key, new in _SAMPLER_KEYS.items():
        places = [path for path in (f"{sampler}.{key}" for sampler in _SAMPLERS) if path in ledger.settings]
        if places and (count := as_whole(ledger.get(places[0]))) is not None and count > 0:
            ledger.translate(places[0], new, count)
            ledger.leave_all(places[1:], f"is overridden by {places[0]}")
    for sampler in _SAMPLERS:
        if as_switch(ledger.get(f"{sampler}.adaptive_sampling")) and f"{sampler}.num_samples" in ledger.settings:
            ledger.differ("warmup, samples", "are shortened for small shards there; here they are used as given")
    if shards := ledger.first(*_SHARDS):
        given: Any = ledger.get(shards)
        wanted = "auto" if given == "auto" else as_whole(given)
        if wanted is None:
            ledger.leave(shards, "is neither auto nor a whole number; set cmc.shards")
        else:
            ledger.translate(shards, "cmc.shards", wanted)


def _output(ledger: Ledger) -> None:
    places = [path for path in _DIRECTORIES if path in ledger.settings]
    base = ledger.first("output.base_directory")
    if places and base and places[0] != "output.output_dir":
        ledger.leave_all([*places, base], "ambiguous: two folders are given; set output.directory")
    elif places:
        ledger.translate(places[0], "output.directory", str(ledger.get(places[0])))
        ledger.leave_all(places[1:], f"is overridden by {places[0]}")
    elif base:
        ledger.translate(base, "output.directory", str(ledger.get(base)))
    if (plots := ledger.first(*_PLOTS)) and (drawn := as_switch(ledger.get(plots))) is not None:
        ledger.translate(plots, "output.plots", drawn)
