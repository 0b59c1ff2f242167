import asyncio

import pytest

from lightmill.broker.ports import LinkLostError
from lightmill.runtime.persistence import again_and_again, is_foreseen, reasons


async def test_work_that_fails_is_begun_again_and_strange_faults_are_told() -> None:
    faults = [LinkLostError("gone"), ValueError("strange"), None]
    told: list[Exception] = []
    done = asyncio.Event()

    async def work() -> None:
        fault = faults.pop(0)
        if fault is not None:
            raise fault
        done.set()
        await asyncio.Event().wait()

    async def tell(error: Exception) -> None:
        told.append(error)

    task = asyncio.create_task(again_and_again(work, tell))
    await asyncio.wait_for(done.wait(), 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [str(error) for error in told] == ["strange"]


async def test_work_that_is_cancelled_while_it_fails_is_not_begun_again() -> None:
    begun, failing, wound_up = 0, asyncio.Event(), asyncio.Event()

    async def fail() -> None:
        raise LinkLostError("gone")

    async def wind_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            failing.set()
            await wound_up.wait()

    async def work() -> None:
        nonlocal begun
        begun += 1
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(wind_up())
            await asyncio.sleep(0)
            tasks.create_task(fail())

    task = asyncio.create_task(again_and_again(work))
    await failing.wait()
    task.cancel()
    await asyncio.sleep(0)
    wound_up.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert begun == 1


def test_a_group_is_foreseen_when_all_of_it_is() -> None:
    lost, strange = LinkLostError("gone"), ValueError("strange")
    assert is_foreseen(ExceptionGroup("", [lost, ConnectionError()]))
    assert not is_foreseen(ExceptionGroup("", [lost, strange]))
    assert (
        reasons(ExceptionGroup("", [lost, strange])) == "LinkLostError: gone; ValueError: strange"
    )
