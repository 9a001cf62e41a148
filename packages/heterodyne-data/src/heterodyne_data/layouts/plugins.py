"""Layouts added by other installed packages: entry points of the group ``heterodyne.layouts``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint

from heterodyne_data.contents import Contents
from heterodyne_data.layouts.base import Layout
from heterodyne_data.source import Source
from heterodyne_spec import DataError, entry_points

GROUP = "heterodyne.layouts"
NEEDED = ("NAME", "DATA_KEY", "matches", "contents")


@dataclass(frozen=True)
class PlugIn:
    """A layout of another package; any failure in it becomes one line with its name."""

    layout: Layout
    origin: str

    @property
    def NAME(self) -> str:
        """Name of the layout."""
        return self.layout.NAME

    @property
    def TITLE(self) -> str:
        """Its title, or its name if it has none."""
        return str(getattr(self.layout, "TITLE", self.NAME))

    @property
    def DATA_KEY(self) -> str:
        """Path of the maps inside the file."""
        return self.layout.DATA_KEY

    def matches(self, source: Source) -> bool:
        """Return whether a file has this layout."""
        try:
            return bool(self.layout.matches(source))
        except Exception as error:
            raise DataError(broken(self.origin, "matches", error)) from error

    def contents(self, source: Source) -> Contents:
        """List the maps and read the time base."""
        try:
            found = self.layout.contents(source)
        except DataError:
            raise
        except Exception as error:
            raise DataError(broken(self.origin, "contents", error)) from error
        if not (isinstance(found, Contents) and found.maps):
            raise DataError(f"{self.origin}: contents gave {type(found).__name__}, expected Contents with maps; fix it")
        return found


def broken(origin: str, what: str, error: Exception) -> str:
    """Return a one-line message on the problem of a plug-in."""
    text = " ".join(str(error).split())
    return f"{origin}: {what} fails ({type(error).__name__}: {text}); fix or uninstall it"


def origin_of(point: EntryPoint) -> str:
    """Return the name of a plug-in: its entry point and its distribution."""
    where = "" if point.dist is None else f" of {point.dist.name}"
    return f"layout plug-in {point.name}{where}"


def load(point: EntryPoint) -> PlugIn:
    """Import a plug-in and check that it has what a layout needs."""
    origin = origin_of(point)
    try:
        layout = point.load()
    except Exception as error:
        raise DataError(broken(origin, f"import of {point.value}", error)) from error
    if missing := [name for name in NEEDED if not hasattr(layout, name)]:
        raise DataError(f"{origin}: {point.value} has no {', '.join(missing)}; fix or uninstall it")
    return PlugIn(layout, origin)


def plug_ins() -> Iterator[PlugIn | DataError]:
    """Yield the layouts of installed packages; for an unusable one, its error."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            yield load(point)
        except DataError as error:
            yield error
