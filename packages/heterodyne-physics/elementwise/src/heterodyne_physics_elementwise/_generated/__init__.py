# Generated from the specification by `nox -s codegen`; do not edit.
"""Code generated from the specification, a module for every model."""
