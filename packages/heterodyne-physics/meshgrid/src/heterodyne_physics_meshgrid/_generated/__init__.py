# Generated from the specification by `nox -s codegen`; do not edit.
# model: two-component, version 1.0.0
# sha256 of its canonical JSON: 7276b49047e2e9665ae2e36f98b90ae0b71dc109d5aa417689db2a0fec72f854
"""Code generated from the specification."""
