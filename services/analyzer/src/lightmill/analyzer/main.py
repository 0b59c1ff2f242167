"""The analyzer process."""

import asyncio

from lightmill.analyzer.config import AnalyzerSettings
from lightmill.analyzer.factory import run
from lightmill.runtime.logs import configure
from lightmill.runtime.parts import real_parts
from lightmill.runtime.settings import read
from lightmill.runtime.shutdown import stop_on_signals


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    settings = read(AnalyzerSettings)
    configure("analyzer", level=settings.log_level)
    asyncio.run(_serve(settings))


async def _serve(settings: AnalyzerSettings) -> None:
    async with real_parts(settings) as parts:
        await run(settings, parts, stop_on_signals())


if __name__ == "__main__":
    main()
