"""Fixtures and port suites that every member of the workspace shares."""
