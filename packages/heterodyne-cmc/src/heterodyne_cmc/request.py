"""A checked and prepared request: data, parameters and shards of a sampling."""

from __future__ import annotations

from dataclasses import dataclass

from heterodyne_cmc.parameters import ParameterSpace, parameter_space
from heterodyne_cmc.population import ROUNDS
from heterodyne_cmc.shards import (
    IntArray,
    Partition,
    automatic_shards,
    bytes_of_one_shard,
    partition,
    usable_pairs,
)
from heterodyne_cmc.start import check_start
from heterodyne_cmc.sums import has_exact_sums
from heterodyne_cmc.support import unsupported_options
from heterodyne_data import NLSQResult, TwoTimeData, whole_memory
from heterodyne_data.setup import Scaling, make_scaling
from heterodyne_physics_elementwise import physics_of
from heterodyne_spec import Config, ConfigError, ModelSpec, Problem, check_model_versions, load_model

PAIRS_PER_VALUE = 10
"""Smallest number of pairs of a shard per sampled value."""
_SHARE, _ELSEWHERE = 0.6, 4e9
"""Fraction of the memory of this machine available to one shard of all pairs, and bytes of a remote worker."""


@dataclass(frozen=True)
class Request:
    """A sampling as asked for; `method` is how the shards are combined: draws (one shard), gaussian, average, flow, or
    auto, which the sub-posteriors decide. `rounds` is the largest number of rounds of importance sampling."""

    config: Config
    spec: ModelSpec
    data: TwoTimeData
    nlsq: NLSQResult | None
    space: ParameterSpace
    scaling: Scaling
    partition: Partition
    method: str
    rounds: int

    @property
    def n_joint(self) -> int:
        """Number of values of a joint draw: free parameters, noise, coefficients."""
        return len(self.space.free) + 1 + self.scaling.mean.size


def prepare(data: TwoTimeData, config: Config, nlsq: NLSQResult | None) -> Request:
    """Return the request prepared for sampling.

    Raises
    ------
    DataError, ConfigError, ResultError : if it is not valid.
    """
    spec = load_model(config.model.name)
    version = physics_of(spec.id).version
    check_model_versions({"heterodyne-physics-elementwise": version}, spec.id)
    if problems := unsupported_options(config, spec):
        raise ConfigError("configuration", problems)
    if nlsq is not None:
        check_start(nlsq, data, spec)
    space, scaling = parameter_space(spec, config, nlsq, data.t, data.phi), make_scaling(config, spec, data.phi)
    n_joint = len(space.free) + 1 + scaling.mean.size
    pairs = usable_pairs(data, config.data.exclude_diagonals)
    n_shards = _number_of_shards(config, data, pairs, n_joint)
    # One shard is the posterior itself: nothing is combined unless a Gaussian is requested explicitly.
    asked = config.cmc.consensus
    method = asked if n_shards > 1 or asked == "gaussian" else "draws"
    _check_draws(config, n_joint, method)
    deal = partition(data, pairs, n_shards, config.cmc.seed)
    return Request(config, spec, data, nlsq, space, scaling, deal, method, ROUNDS)


def _number_of_shards(config: Config, data: TwoTimeData, pairs: tuple[IntArray, ...], n_joint: int) -> int:
    """Return the number of shards; by default one if a process can hold all maps.

    With the exact sums, an evaluation over all pairs costs less than one over a shard of single pairs, so that shards
    only save memory.
    """
    asked, n_pairs, fewest = config.cmc.shards, sum(map(len, pairs)), min(map(len, pairs))
    most = max(min(n_pairs // (PAIRS_PER_VALUE * n_joint), fewest), 1)
    if not isinstance(asked, int):
        whole = has_exact_sums(data, pairs, config.model.name) and bytes_of_one_shard(data, pairs) <= _memory(config)
        return 1 if whole else min(automatic_shards(n_pairs), most)
    if asked > most:
        wanted = f"at most {most} ({n_pairs} pairs, at least {fewest} per angle, {n_joint} sampled values)"
        raise ConfigError("configuration", [Problem("cmc.shards", str(asked), wanted, f"set cmc.shards: {most}")])
    return asked


def _memory(config: Config) -> float:
    """Return the memory limit of a process in bytes, independent of other processes so that a resumed run has the same
    shards."""
    if isinstance(config.cmc.memory, int | float):
        return 1e9 * config.cmc.memory
    return _ELSEWHERE if config.cmc.engine == "dask" else _SHARE * whole_memory()


def _check_draws(config: Config, n_joint: int, method: str) -> None:
    """Refuse fewer draws than needed for a width, or for a covariance of the sampled values."""
    draws, needed = config.cmc.chains * config.cmc.samples, 2 * n_joint
    if draws < 2:
        raise ConfigError("configuration", [Problem("cmc.samples", "one draw", "at least 2", "raise cmc.samples")])
    if method != "draws" and draws < needed:
        found = f"{config.cmc.samples} ({draws} draws of a shard)"
        wanted = f"at least {-(-needed // config.cmc.chains)}, for the covariance of {n_joint} sampled values"
        raise ConfigError("configuration", [Problem("cmc.samples", found, wanted, "raise cmc.samples or cmc.chains")])
