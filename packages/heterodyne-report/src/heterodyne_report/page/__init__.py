"""Self-contained HTML reports: pure functions used by all packages."""

from heterodyne_report.page.document import Report, render, render_page, write_report
from heterodyne_report.page.elements import (
    Markup,
    Section,
    bullet_list,
    collapsible,
    element,
    facts,
    join_markup,
    paragraph,
    pictures,
    table,
)
from heterodyne_report.page.functions import function_alt, functions_table
from heterodyne_report.page.inset import inset, result_inset
from heterodyne_report.page.picture import Picture, png_picture, svg_picture
from heterodyne_report.page.provenance import citation_section, provenance_section

__all__ = [
    "Markup",
    "Picture",
    "Report",
    "Section",
    "bullet_list",
    "citation_section",
    "collapsible",
    "element",
    "facts",
    "function_alt",
    "functions_table",
    "inset",
    "join_markup",
    "paragraph",
    "pictures",
    "png_picture",
    "provenance_section",
    "render",
    "render_page",
    "result_inset",
    "svg_picture",
    "table",
    "write_report",
]
