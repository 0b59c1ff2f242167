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


def test_a_group_is_foreseen_when_all_of_it_is() -> None:
    lost, strange = LinkLostError("gone"), ValueError("strange")
    assert is_foreseen(ExceptionGroup("", [lost, ConnectionError()]))
    assert not is_foreseen(ExceptionGroup("", [lost, strange]))
    assert (
        reasons(ExceptionGroup("", [lost, strange])) == "LinkLostError: gone; ValueError: strange"
    )
