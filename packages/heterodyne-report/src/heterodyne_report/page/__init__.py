"""Self-contained HTML reports: pure functions used by all packages."""

from heterodyne_report.page.document import Report, Section, render, whole
from heterodyne_report.page.elements import Markup, element, facts, folded, items, joined, paragraph, pictures, table
from heterodyne_report.page.functions import function_alt, functions_table
from heterodyne_report.page.origin import citation, origin
from heterodyne_report.page.picture import Picture, png_picture, svg_picture
from heterodyne_report.page.writing import write_report

__all__ = [
    "Markup",
    "Picture",
    "Report",
    "Section",
    "citation",
    "element",
    "facts",
    "folded",
    "function_alt",
    "functions_table",
    "items",
    "joined",
    "origin",
    "paragraph",
    "pictures",
    "png_picture",
    "render",
    "svg_picture",
    "table",
    "whole",
    "write_report",
]
