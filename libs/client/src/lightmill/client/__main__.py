"""`python -m lightmill.client` is the `lightmill` command."""

from lightmill.client.cli.app import main

if __name__ == "__main__":
    main()
