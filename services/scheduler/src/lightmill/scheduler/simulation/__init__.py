"""Invented farms that drive the same core on an invented clock."""
