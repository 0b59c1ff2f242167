"""The node process."""

from lightmill.render_node.cli import app


def main() -> None:
    """Run the `lightmill-node` command."""
    app()


if __name__ == "__main__":
    main()
