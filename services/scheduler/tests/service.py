"""The service as tests run it, and wait for what it does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def running(*mains: Awaitable[None]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(main) for main in mains]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(100):
        while not await condition():  # noqa: ASYNC110  # rows tell of nothing by themselves
            await asyncio.sleep(0.02)
