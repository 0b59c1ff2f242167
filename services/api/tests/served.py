"""The api over a real port, for as long as a test needs it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from lightmill.api.config import ApiSettings
from lightmill.api.factory import run
from lightmill.runtime.parts import Parts


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@asynccontextmanager
async def serving(parts: Parts) -> AsyncIterator[str]:
    """Run the service while the block runs; give its base URL."""
    port, stop = free_port(), asyncio.Event()
    settings = ApiSettings(host="127.0.0.1", port=port, simulated_engine=True)
    task = asyncio.create_task(run(settings, parts, stop))
    base = f"http://127.0.0.1:{port}"
    try:
        await _until_ready(base, task)
        yield base
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


async def _until_ready(base: str, task: asyncio.Task[None]) -> None:
    async with httpx2.AsyncClient(base_url=base) as client, asyncio.timeout(30):
        while not task.done():
            try:
                if (await client.get("/readyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(0.02)
