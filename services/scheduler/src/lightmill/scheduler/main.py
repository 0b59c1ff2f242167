"""The scheduler process."""

import asyncio

from lightmill.runtime.logs import configure
from lightmill.runtime.parts import real_parts
from lightmill.runtime.settings import read
from lightmill.runtime.shutdown import stop_on_signals
from lightmill.scheduler.config import SchedulerSettings
from lightmill.scheduler.factory import run


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    settings = read(SchedulerSettings)
    configure("scheduler", level=settings.log_level)
    asyncio.run(_serve(settings))


async def _serve(settings: SchedulerSettings) -> None:
    async with real_parts(settings) as parts:
        await run(settings, parts, stop_on_signals())


if __name__ == "__main__":
    main()
