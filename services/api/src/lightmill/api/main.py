"""The api process."""

import asyncio
import sys

from lightmill.api.config import ApiSettings
from lightmill.api.factory import run
from lightmill.api.handlers.listener import PortTakenError
from lightmill.runtime.logs import configure
from lightmill.runtime.parts import PartMissingError, real_parts
from lightmill.runtime.settings import read
from lightmill.runtime.shutdown import stop_on_signals
from lightmill.storage.sql.migration import SchemaOutdatedError


async def _main(settings: ApiSettings) -> None:
    stop = stop_on_signals()
    async with real_parts(settings) as parts:
        await run(settings, parts, stop)


def main() -> None:
    """Run the api until SIGTERM or SIGINT."""
    settings = read(ApiSettings)
    configure("api", level=settings.log_level)
    try:
        asyncio.run(_main(settings))
    except (PortTakenError, PartMissingError, SchemaOutdatedError) as error:
        sys.stderr.write(f"api: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
