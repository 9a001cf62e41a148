"""Watching a folder and fitting new files."""
