"""The Python client and the `lightmill` command."""
