"""A small HTTP server for whoever watches a service that is not the api."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], Awaitable[bool]]

_TIMEOUT_S = 5.0
_JSON = "application/json"


@asynccontextmanager
async def serve(
    port: int,
    checks: Mapping[str, Check],
    *,
    host: str = "0.0.0.0",  # noqa: S104  # in a container
) -> AsyncIterator[int]:
    """Serve `/healthz`, `/readyz` and `/metrics` while the block runs; give the port.

    `/readyz` answers 200 when each of `checks` does, else 503, with the outcome of each.

    Args:
        port: Where to listen; 0 lets the system choose.
        checks: By the name of the part that each asks.
        host: Address to listen on.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                writer.write(await _respond(await reader.readuntil(b"\r\n\r\n"), checks))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # Whoever asked has gone, or does not speak HTTP.
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host, port)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def readiness(checks: Mapping[str, Check]) -> dict[str, bool]:
    """Return what each check says; one that raises or hangs says no."""
    outcomes = await asyncio.gather(*map(_passes, checks.values()))
    return dict(zip(checks, outcomes, strict=True))


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(_TIMEOUT_S / 2):
            return await check()
    except Exception:  # noqa: BLE001  # whatever is wrong with a part, it is not ready
        return False


async def _respond(request: bytes, checks: Mapping[str, Check]) -> bytes:
    path = request.split(b" ", 2)[1:2]
    if path == [b"/healthz"]:
        return _answer("200 OK", _JSON, b'{"status":"ok"}')
    if path == [b"/metrics"]:
        return _answer("200 OK", CONTENT_TYPE_LATEST, generate_latest())
    if path == [b"/readyz"]:
        outcome = await readiness(checks)
        status = "200 OK" if all(outcome.values()) else "503 Service Unavailable"
        return _answer(status, _JSON, json.dumps(outcome).encode())
    return _answer("404 Not Found", _JSON, b'{"status":"not found"}')


def _answer(status: str, media_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
