"""The report: one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from heterodyne_nlsq.summary import derived_rows, minima_rows, minima_statements, parameter_rows, scaling_rows, verdict
from heterodyne_spec import NLSQResult

_CAPTIONS = {
    "maps": "Two-time correlation maps: data, model, residual.",
    "curves": "c₂ against lag at several ages: data (points) and model (lines).",
    "functions": "The fitted functions of age (lines) and what every age shows by itself (points).",
}

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid #8884; }
img { max-width: 100%; background: white; }
figure { margin: 1.5rem 0; }
.bad { color: #b3261e; font-weight: bold; }
@media (prefers-color-scheme: dark) { .bad { color: #ffb4ab; } }
@media print { body { max-width: none; } }
"""


def _table(rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "\n".join(line(row, "td") for row in rows[1:])
    return f"<table>\n{line(rows[0], 'th')}\n{body}\n</table>"


def _items(texts: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in texts) + "</ul>"


def _figure(name: str, path: Path) -> str:
    encoded = base64.b64encode(path.read_bytes()).decode()
    caption = html.escape(_CAPTIONS[name])
    image = f'<img alt="{caption}" src="data:image/png;base64,{encoded}">'
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _minima(result: NLSQResult) -> str:
    title = "<h2>Other minima that the data hardly tell from this one</h2>"
    return title + _items(minima_statements(result)) + _table(minima_rows(result))


def report_page(result: NLSQResult, figures: Mapping[str, Path]) -> str:
    """Return the report as HTML, with the pictures `figures` (name -> PNG file) inside."""
    provenance = result.data.provenance
    origin = [f"{key}: {value}" for key, value in {**provenance, **result.versions}.items()]
    if result.command:
        origin.insert(0, f"command: {result.command}")
    title = f"Heterodyne fit of {provenance.get('file', 'a measurement')}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="{"good" if result.success else "bad"}">{html.escape(verdict(result))}</p>',
        "<h2>Before you use these numbers</h2>" + _items(result.warnings) if result.warnings else "",
        "<h2>Parameters</h2>" + _table(parameter_rows(result)) + _table(scaling_rows(result)),
        _table(derived_rows(result)) if result.derived else "",
        f"<p>{html.escape(f'Noise: {result.noise.statement}.')}</p>" if result.noise is not None else "",
        _minima(result) if result.alternatives else "",
        *[_figure(name, path) for name, path in figures.items()],
        "<h2>Conventions and start</h2>" + _items([*result.conventions, f"The descent began at {result.start}."]),
        "<h2>What was found in the data</h2>" + _items(result.data.notes) if result.data.notes else "",
        "<h2>Provenance</h2>" + _items(origin),
        "<p>Model: He et al., PNAS 2025, doi:10.1073/pnas.2514216122; transport coefficients: He et al., PNAS 2024, "
        "doi:10.1073/pnas.2401162121.</p>",
    ]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    )
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n'
    )
