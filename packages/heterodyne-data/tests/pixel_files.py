"""APS-U files with a detector: the pixels of every bin, and the geometry."""

import math

import numpy as np
import pytest
from data_files import make_map, write_apsu

from heterodyne_data import describe_data, load_data
from heterodyne_data.describing import check_data
from heterodyne_spec import DataError

ROWS, COLUMNS, CENTRE = 60, 80, (41.5, 27.0)
SIZE, DISTANCE, ENERGY = 75e-6, 4.0, 8.0


def detector():
    """Return q (1/Å) of every pixel, and its angle (degrees) from the columns upwards, by the law of the grating."""
    q, angle = np.empty((ROWS, COLUMNS)), np.empty((ROWS, COLUMNS))
    for row in range(ROWS):
        for column in range(COLUMNS):
            x, y = (column - CENTRE[0]) * SIZE, (CENTRE[1] - row) * SIZE
            theta = math.atan(math.hypot(x, y) / DISTANCE) / 2
            q[row, column] = 4 * math.pi * math.sin(theta) / (12.398419843 / ENERGY)
            angle[row, column] = math.degrees(math.atan2(y, x))
    return q, angle


Q_OF, PHI_OF = detector()
Q_EDGES, PHI_EDGES = np.array([0.0006, 0.001, 0.0014]), np.arange(-180.0, 181.0, 45.0)
Q, PHI = (Q_EDGES[1:] + Q_EDGES[:-1]) / 2, (PHI_EDGES[1:] + PHI_EDGES[:-1]) / 2


def wedges(q_edges=Q_EDGES, phi_edges=PHI_EDGES):
    """Return the bin of every pixel, counted over q and then phi from 1."""
    i, j = np.digitize(Q_OF, q_edges), np.digitize(PHI_OF, phi_edges)
    inside = (i > 0) & (i < len(q_edges)) & (j > 0) & (j < len(phi_edges))
    return np.where(inside, (i - 1) * (len(phi_edges) - 1) + j, 0)


def geometry(labels):
    fields = {"beam_center_x": CENTRE[0], "beam_center_y": CENTRE[1], "pixel_size": SIZE}
    return fields | {"detector_distance": DISTANCE, "energy": ENERGY, "dynamic_roi_map": labels.astype("u4")}


def write(path, labels, q=Q, phi=PHI, **changes):
    """Write an APS-U file with a map of every bin of the list, and the map of pixels."""
    n = len(q) * len(phi)
    maps = {k: np.triu(make_map(seed=k)) for k in range(1, n + 1)}
    return write_apsu(
        path, maps, **({"q": q, "phi": phi, "mapping": np.arange(n), "pixels": geometry(labels)} | changes)
    )


def middle(labels, label):
    """Return mean q and mean direction of the pixels of a bin."""
    inside = labels == label
    unit = np.exp(1j * np.radians(PHI_OF[inside])).mean()
    return Q_OF[inside].mean(), math.degrees(math.atan2(unit.imag, unit.real))


def refused(path, q=0.0012, **settings):
    """Return the text in which a fit, a description and a check refuse a file: the same."""
    said = set()
    for call in (load_data, describe_data, check_data):
        with pytest.raises(DataError) as caught:
            call(path, q=q, **settings) if call is load_data else call(path, {"data": settings})
        said.add(str(caught.value))
    assert len(said) == 1
    return said.pop()
