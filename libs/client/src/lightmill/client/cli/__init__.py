"""The `lightmill` command: data on stdout, words for people on stderr."""
