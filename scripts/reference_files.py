"""The reference page of the files that a run leaves, from the JSON Schema of the result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from heterodyne_cmc.plots import PICTURES
from heterodyne_nlsq.pictures import OF_A_FIT
from heterodyne_spec import load_schema


def pictures(kinds: Iterable[Any]) -> str:
    """Return the rows of the table of files on pictures, each with the name of its file and what it `shows`."""
    return "\n".join(f"| `plots/{kind.name}.png` | {kind.shows} |" for kind in kinds)


FILES = f"""
| file | what is in it |
|---|---|
| `nlsq_result.json` | the summary of a fit, for people and programs |
| `nlsq_result.h5` | its arrays |
{pictures(OF_A_FIT)}
| `report.html` | all of this on one page that needs no other file |
| `cmc_result.nc` | a posterior: draws, diagnostics, configuration |
{pictures(PICTURES)}

A file appears complete or not at all; what stood there before is replaced. `heterodyne validate FILE` checks it.
"""

HDF5 = """
| dataset | shape | meaning |
|---|---|---|
| `maps/c2`, `maps/model`, `maps/residual` | (n_phi, N, N), float32 | data as used, fitted model, their difference |
| `t`, `phi` | (N,), (n_phi,) | ages in s, azimuths in degrees |
| `covariance`, `covariance_iid` | (n_free, n_free) | as in the summary; the attribute `rows` names the rows |
"""

NETCDF = """
NetCDF 4 with the groups of the ArviZ schema; [how to read it](../how-to/posterior-in-arviz.md).

| group | dimensions | meaning |
|---|---|---|
| `posterior` | chain, draw (phi for `contrast` and `offset`) | draws of the consensus |
| `sub_posterior` | shard, chain, draw | draws of every shard |
| `sample_stats` | shard, chain, draw | diverging, energy, lp, acceptance_rate, n_steps, tree_depth |
| `bands` | quantile, age | J_r, J_s, v, x |
| `observed_data` | phi, t1, t2 | the maps |
| `constant_data` | | t, phi, q, dt, and what was held |
| `log_likelihood` | chain, draw, phi | with `cmc.log_likelihood: true`: ln of each angle's calibrated likelihood |

Attributes hold versions and seed. Table, diagnostics, warnings and configuration are JSON in the variable `document`.
"""


def fields(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path of every field of a result, and its meaning."""
    for name, inner in schema.get("properties", {}).items():
        place = f"{path}{name}"
        repeated = inner.get("items", {})
        yield place, inner["description"]
        yield from fields(inner, f"{place}.")
        yield from fields(repeated, f"{place}[].")


def result_files_page(note: str) -> str:
    """Return the page on the files of a result."""
    rows = "\n".join(f"| `{place}` | {meaning} |" for place, meaning in fields(load_schema("result")))
    parts = [
        "# Result files",
        note,
        FILES.strip(),
        "## nlsq_result.json",
        "Numbers are in the units of the [parameters](model.md); there is no NaN in the file, null stands for it. "
        "`[]` stands for every entry of a list.",
        f"| field | meaning |\n|---|---|\n{rows}",
        "## nlsq_result.h5",
        HDF5.strip(),
        "## cmc_result.nc",
        NETCDF.strip(),
    ]
    return "\n\n".join(parts) + "\n"
