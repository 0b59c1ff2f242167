"""Prints the OpenAPI document: `python -m lightmill.api.cli > docs/openapi.json`."""

import json
import sys

from lightmill.api.factory import described


def main() -> None:
    """Write the document to stdout, as it is committed."""
    sys.stdout.write(json.dumps(described().openapi(), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
