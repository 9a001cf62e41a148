"""The result of a least-squares fit: its classes, document and files."""
