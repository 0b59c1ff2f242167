"""One-shot commands: the OpenAPI document, and a collection of what nobody needs any more.

`python -m lightmill.api.cli openapi > docs/openapi.json`
`python -m lightmill.api.cli collect [--dry-run]`
"""

import argparse
import asyncio
import json
import sys

from lightmill.api.config import ApiSettings
from lightmill.api.factory import collector, described
from lightmill.runtime.parts import real_parts
from lightmill.runtime.settings import read


def main() -> None:
    """Do what the command line asks for, and print what came of it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m lightmill.api.cli")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("openapi", help="print the OpenAPI document, as it is committed")
    collecting = commands.add_parser("collect", help="delete what no tenant needs any more")
    collecting.add_argument("--dry-run", action="store_true", help="only tell what would go")
    asked = parser.parse_args()
    if asked.command == "collect":
        document = asyncio.run(_collect(dry_run=asked.dry_run))
    else:
        document = described().openapi()
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


async def _collect(*, dry_run: bool) -> dict[str, object]:
    async with real_parts(read(ApiSettings)) as parts:
        return (await collector(parts).everywhere(dry_run=dry_run)).document()


if __name__ == "__main__":
    main()
