# Generated from the specification by `nox -s codegen`; do not edit.
# model: two-component, version 1.0.0
# sha256 of its canonical JSON: 3b26048234682f5606aa6c29d60a2180ae4ab55c59fbd6dd2d60154345948f7a
"""Code generated from the specification."""
