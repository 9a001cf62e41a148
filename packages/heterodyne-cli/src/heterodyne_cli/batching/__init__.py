"""Parallel fits of many files and many q."""
