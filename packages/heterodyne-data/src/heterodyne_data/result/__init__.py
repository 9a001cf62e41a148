"""The result of a least-squares fit: what it consists of, its document, its files."""
