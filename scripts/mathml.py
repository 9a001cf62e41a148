"""An extension of Markdown for the documentation: formulas become MathML, which browsers draw without any script.

``mkdocs.yml`` names it; MkDocs and its successor find it on the path (``nox -s docs``, ``nox -s docs-successor``).
"""

from __future__ import annotations

import html
import re

from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor
from math_core import LatexError, LatexToMathML

# What pymdownx.arithmatex leaves in its generic form.
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_CONVERTER = LatexToMathML()


class _Formulas(Postprocessor):
    """Formulas as MathML."""

    def run(self, text: str) -> str:
        """Return a page with every formula as MathML.

        Raises
        ------
        ValueError : when a formula is no LaTeX.
        """
        return _FORMULA.sub(_converted, text)


def _converted(found: re.Match[str]) -> str:
    formula = html.unescape(found[2])
    try:
        return _CONVERTER.convert_with_local_state(formula, displaystyle=found[1] == "div")
    except LatexError as error:
        raise ValueError(f"the formula {formula} cannot be read: {error}") from None


class MathML(Extension):
    """Formulas as MathML."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Register the conversion as the last step."""
        md.postprocessors.register(_Formulas(md), "mathml", 0)


def makeExtension(**options: object) -> MathML:
    """Return the extension; Markdown calls this."""
    return MathML(**options)
