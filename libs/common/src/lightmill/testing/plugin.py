"""Fixtures that every member of the workspace shares."""
