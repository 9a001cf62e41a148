"""Take the pictures of the viewer in docs/images/: ``python scripts/viewer_pictures.py RESULT SERIES``; needs Chromium.

RESULT is the folder of the fit of ``make demo``, SERIES the folder of a batch or watch. The pictures are committed.
"""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "images"
sys.path.append(str(ROOT / "tests" / "integration"))

from browser import Page, open_page  # noqa: E402
from viewing import HELPERS, Viewer  # noqa: E402

WIDTH = 1180
PANES = {"Maps": "maps", "Functions of age": "functions", "What if": "sliders", "Fit again": "fit"}
"""Headings of the panes, and the names of their pictures."""
MOST = 900
"""Maximum height of a picture."""


def take(page: Page, name: str, top: float, bottom: float) -> None:
    """Write a part of the page, from `top` to `bottom` in pixels, as a picture with few colours."""
    clip = {"x": 0, "y": top, "width": WIDTH, "height": min(bottom - top, MOST), "scale": 1}
    with Image.open(io.BytesIO(page.screen(clip))) as image:
        image.convert("RGB").quantize(128).save(FOLDER / f"viewer_{name}.png", optimize=True)


def panes(page: Page) -> list[tuple[str, float, float]]:
    """Return the names of the panes and where they begin and end."""
    found = page.value("deep('h2').map(e => [e.innerText, e.getBoundingClientRect().y + scrollY])")
    ends = [y for _, y in found[1:]] + [page.value("document.documentElement.scrollHeight")]
    return [(PANES[name], y - 10, end - 40) for (name, y), end in zip(found, ends, strict=True)]


def main(result: Path, series: Path) -> None:
    """Take all pictures."""
    words = [sys.executable, "-m", "heterodyne_cli.command", "view", str(result), str(series), "--no-browser", "--json"]
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        open_page(Path(profile)) as page,
        subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process,
    ):
        assert process.stdout is not None
        address = next(one["url"] for one in map(json.loads, process.stdout) if one.get("event") == "serving")
        try:
            viewer = Viewer(process, address, page)
            viewer.open(width=WIDTH, height=700)
            page.wait(f"(() => {{ {HELPERS} return deep('.tabulator-row img').length > 2 }})()")
            take(page, "table", 0, 540)
            viewer.open_run(str(result.resolve()), width=WIDTH, height=2600)
            page.click(*page.value("at('data', model('data').x_range.end * 0.6, model('data').x_range.end * 0.25)"))
            page.value("new Promise(done => setTimeout(() => done(true), 1500))")
            page.value("scrollTo(0, 0)")
            for name, top, bottom in panes(page):
                take(page, name, top, bottom)
            viewer.open_run(str(result.resolve()), width=WIDTH, height=1000, dark=True)
            page.value("new Promise(done => setTimeout(() => done(true), 1000))")
            page.value("scrollTo(0, 0)")
            take(page, "dark", 0, 760)
        finally:
            process.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
