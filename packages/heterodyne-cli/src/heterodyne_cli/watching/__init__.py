"""Fits of files as they land in a folder."""
