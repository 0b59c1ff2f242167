import asyncio
import json
from collections.abc import Mapping

import pytest

from lightmill.runtime.health import Check, serve


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def broken() -> bool:
    raise ConnectionError


async def hung() -> bool:
    await asyncio.Event().wait()
    return True


async def ask(path: str, checks: Mapping[str, Check]) -> tuple[int, str]:
    async with serve(0, checks, host="127.0.0.1") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    assert f"Content-Length: {len(body)}" in head
    return int(head.split()[1]), body


async def test_it_is_alive_whatever_its_parts_say() -> None:
    assert await ask("/healthz", {"database": no}) == (200, '{"status":"ok"}')


@pytest.mark.parametrize("bad", [no, broken, hung])
async def test_it_is_ready_when_every_part_is(bad: Check) -> None:
    assert await ask("/readyz", {"database": yes}) == (200, '{"database": true}')
    status, body = await ask("/readyz", {"database": yes, "broker": bad})
    assert status == 503
    assert json.loads(body) == {"database": True, "broker": False}


async def test_metrics_are_in_the_format_of_prometheus() -> None:
    status, body = await ask("/metrics", {})
    assert status == 200
    assert "# TYPE python_info gauge" in body


async def test_other_paths_are_not_there() -> None:
    assert (await ask("/admin", {}))[0] == 404


async def test_one_who_hangs_up_early_disturbs_nobody() -> None:
    async with serve(0, {}, host="127.0.0.1") as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET")
        writer.close()
        await writer.wait_closed()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
        writer.close()
        await writer.wait_closed()
