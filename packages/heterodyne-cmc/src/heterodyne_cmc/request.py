"""One request, checked and made ready: what is sampled, over which parameters, against which shards."""

from __future__ import annotations

from dataclasses import dataclass

from heterodyne_cmc.parameters import ParameterSpace, parameter_space
from heterodyne_cmc.scaling import Scaling, make_scaling
from heterodyne_cmc.shards import Partition, automatic_shards, partition, usable_pairs
from heterodyne_cmc.start import check_start
from heterodyne_cmc.support import unsupported
from heterodyne_spec import (
    Config,
    ConfigError,
    ModelSpec,
    NLSQResult,
    Problem,
    TwoTimeData,
    load_model,
)

PAIRS_PER_VALUE = 10
"""Pairs that a shard must have per sampled value."""


@dataclass(frozen=True)
class Request:
    """A sampling as asked for; `method` is how the shards are combined: draws (one shard), gaussian, average, flow, or
    auto, which the sub-posteriors decide."""

    config: Config
    spec: ModelSpec
    data: TwoTimeData
    nlsq: NLSQResult | None
    space: ParameterSpace
    scaling: Scaling
    partition: Partition
    method: str

    @property
    def n_joint(self) -> int:
        """Number of values of a joint draw: free parameters, noise, coefficients."""
        return len(self.space.free) + 1 + self.scaling.mean.size


def prepare(data: TwoTimeData, config: Config, nlsq: NLSQResult | None) -> Request:
    """Return the request made ready to be sampled.

    Raises
    ------
    DataError, ConfigError, ResultError : what is wrong with it.
    """
    spec = load_model(config.model.name)
    if problems := unsupported(config, spec):
        raise ConfigError("configuration", problems)
    if nlsq is not None:
        check_start(nlsq, data, spec)
    space, scaling = parameter_space(spec, config, nlsq), make_scaling(config, spec, data.phi)
    n_joint = len(space.free) + 1 + scaling.mean.size
    pairs = usable_pairs(data, config.data.exclude_diagonals)
    n_shards = _number_of_shards(config, sum(len(row) for row in pairs), min(len(row) for row in pairs), n_joint)
    # One shard is the posterior itself: there is nothing to combine unless a Gaussian is asked for by name.
    asked = config.cmc.consensus
    method = asked if n_shards > 1 or asked == "gaussian" else "draws"
    _check_draws(config, n_joint, method)
    return Request(config, spec, data, nlsq, space, scaling, partition(data, pairs, n_shards, config.cmc.seed), method)


def _number_of_shards(config: Config, n_pairs: int, fewest: int, n_joint: int) -> int:
    asked = config.cmc.shards
    n_shards = asked if isinstance(asked, int) else min(automatic_shards(n_pairs), fewest)
    most = max(min(n_pairs // (PAIRS_PER_VALUE * n_joint), fewest), 1)
    if n_shards > most:
        wanted = f"at most {most} ({n_pairs} pairs, {fewest} at the poorest angle, {n_joint} sampled values)"
        raise ConfigError("configuration", [Problem("cmc.shards", str(n_shards), wanted, f"set cmc.shards: {most}")])
    return n_shards


def _check_draws(config: Config, n_joint: int, method: str) -> None:
    """Refuse fewer draws than a covariance of the sampled values takes."""
    draws, needed = config.cmc.chains * config.cmc.samples, 2 * n_joint
    if method != "draws" and draws < needed:
        found = f"{config.cmc.samples} ({draws} draws of a shard)"
        wanted = f"at least {-(-needed // config.cmc.chains)}, for the covariance of {n_joint} sampled values"
        raise ConfigError("configuration", [Problem("cmc.samples", found, wanted, "raise cmc.samples or cmc.chains")])
