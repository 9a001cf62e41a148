"""The posterior as a result that can be saved, loaded and plotted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from heterodyne_cmc.netcdf import read_posterior, write_posterior
from heterodyne_cmc.posterior import Posterior

NETCDF_NAME = "cmc_result.nc"


@dataclass(frozen=True)
class CMCResult(Posterior):
    """A posterior that can be saved, loaded and plotted."""

    def save(self, path: str | Path) -> Path:
        """Write the result as NetCDF in the ArviZ schema and return the file's path.

        Parameters
        ----------
        path : a folder (the file is then ``cmc_result.nc``), or the path of the file, ending in ``.nc``.

        Raises
        ------
        OutputError : when the file cannot be written; what stood there before is then kept.
        """
        return write_posterior(self, _file(path))

    def plot(self, directory: str | Path) -> list[Path]:
        """Write plots as PNG into the folder ``plots`` of `directory` and return their paths.

        Pairs of parameters with prior and point estimate, functions of age, data against the posterior's maps, ranks
        and energies of the chains, shards against the whole.

        Raises
        ------
        OutputError : if a file cannot be written; files already written are kept.
        """
        # Imported here because Matplotlib takes a second.
        from heterodyne_cmc.plots import write_plots

        return write_plots(self, Path(directory))

    @classmethod
    def load(cls, path: str | Path) -> CMCResult:
        """Read a result from a folder or the path of its file.

        Raises
        ------
        ResultError : if the file is missing, damaged, or not a result of this kind.
        """
        return cls(**vars(read_posterior(_file(path))))


def _file(path: str | Path) -> Path:
    path = Path(path)
    return path if path.suffix == ".nc" else path / NETCDF_NAME
