"""A hook of the documentation's build: formulas become MathML, which browsers draw without any script or network."""

from __future__ import annotations

import html
import re
from typing import Any

from math_core import LatexError, LatexToMathML
from mkdocs.exceptions import PluginError

# What pymdownx.arithmatex leaves in its generic form.
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
_CONVERTER = LatexToMathML()


def on_page_content(content: str, *, page: Any, **_: Any) -> str:
    """Return the page with every formula as MathML.

    Raises
    ------
    PluginError : when a formula is no LaTeX; names the page.
    """

    def converted(found: re.Match[str]) -> str:
        try:
            return _CONVERTER.convert_with_local_state(html.unescape(found[2]), displaystyle=found[1] == "div")
        except LatexError as error:
            raise PluginError(f"{page.file.src_path}: a formula cannot be read: {error}") from None

    return _FORMULA.sub(converted, content)
