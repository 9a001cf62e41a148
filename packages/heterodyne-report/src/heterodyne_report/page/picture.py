"""Pictures embedded in a page: Matplotlib figures as SVG that follow the light or dark colour scheme, and PNG."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

INK = "#1b1f24"
"""Colour of text and axes in the light colour scheme."""
_PALE = "#e6e8eb"

_STYLE = f"<style>svg{{--ink:{INK}}}@media screen and (prefers-color-scheme:dark){{svg{{--ink:{_PALE}}}}}</style>"
_LOOKS: Any = {
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.facecolor": "none",
    "legend.framealpha": 0.0,
    "legend.edgecolor": "none",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    # Use fonts of the reader's system: text as paths would make up most of the file.
    "svg.fonttype": "none",
    # Reproducible output: equal figures give equal SVG.
    "svg.hashsalt": "heterodyne",
}
_PNG = "data:image/png;base64,"
_IMAGE = re.compile(rf"{_PNG}([A-Za-z0-9+/=\s]+)")
_PALETTE = 256
"""Number of colours of a palette, equal to that of a colour map without a colour for NaN."""
_FEW = 64
_SAFE = " !$&'()*+,-./:;=?@[]^_`{|}~\n"
"""Characters that need no escaping in a data URI in double quotes."""
_RESOLUTION = 96
"""CSS pixels per inch of a figure."""


@dataclass(frozen=True)
class Picture:
    """An embedded picture: `source` is a data URI, `alt` the alternative text, `width` and `height` are in pixels."""

    source: str
    alt: str
    width: int
    height: int


def svg_picture(draw: Callable[[], Any], alt: str) -> Picture:
    """Return the Matplotlib figure of `draw` as SVG with transparent background, in the text colour of the page."""
    from matplotlib import rc_context

    stream = io.StringIO()
    with rc_context(_LOOKS):
        figure = draw()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    # Remove the XML declaration and the document type, which refers to another site.
    text = _IMAGE.sub(_smaller, text[text.index("<svg") :].replace(INK, "var(--ink)"))
    head, _, rest = text.partition(">")
    return _picture(f"data:image/svg+xml,{quote(f'{head}>{_STYLE}{rest}', safe=_SAFE)}", alt, figure)


def png_picture(figure: Any, alt: str, dpi: int = 110) -> Picture:
    """Return a Matplotlib figure with many lines as PNG on white."""
    return _picture(_PNG + base64.b64encode(small_png(figure, dpi, _FEW)).decode(), alt, figure)


def small_png(figure: Any, dpi: int, colours: int = _PALETTE) -> bytes:
    """Return a Matplotlib figure as PNG on white with a palette, a third of the size of one with all colours."""
    from PIL import Image

    whole, stream = io.BytesIO(), io.BytesIO()
    figure.savefig(whole, format="png", dpi=dpi)
    Image.open(whole).convert("RGB").quantize(colours).save(stream, format="png", optimize=True)
    return stream.getvalue()


def _picture(source: str, alt: str, figure: Any) -> Picture:
    width, height = (round(_RESOLUTION * float(inches)) for inches in figure.get_size_inches())
    return Picture(source, alt, width, height)


def _smaller(embedded: re.Match[str]) -> str:
    """Return the image of a map with a colour palette: a third of the size of four channels."""
    from PIL import Image

    whole = Image.open(io.BytesIO(base64.b64decode(embedded[1]))).convert("RGBA")
    colours, index = np.unique(np.asarray(whole).reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > _PALETTE:
        return embedded[0]
    image = Image.fromarray(index.reshape(whole.size[::-1]).astype(np.uint8), "P")
    image.putpalette(colours.tobytes(), "RGBA")
    stream = io.BytesIO()
    image.save(stream, format="png", optimize=True)
    return _PNG + base64.b64encode(stream.getvalue()).decode()
