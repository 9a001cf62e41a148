"""Fits of many files and many q, side by side."""
