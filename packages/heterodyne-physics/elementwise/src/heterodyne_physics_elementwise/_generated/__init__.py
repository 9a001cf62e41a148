# Generated from the specification by `nox -s codegen`; do not edit.
# model: two-component, version 1.1.0
# sha256 of its canonical JSON: 74e992832f6b2e997e4b485fa35a9540a8bc613ab11f3c84e6612ceffce02ecd
"""Code generated from the specification."""
