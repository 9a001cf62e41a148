# Generated from the specification by `nox -s codegen`; do not edit.
# model: two-component, version 1.0.0
# sha256 of its canonical JSON: 0c367d88bf3545014125c64c3101bc7d0f4109f1fdd68ac78df50cbc324d8818
"""Code generated from the specification."""
