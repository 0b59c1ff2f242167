import asyncio
import os
import signal

import pytest

from lightmill.runtime.shutdown import stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_asks_to_stop(number: signal.Signals) -> None:
    stop = stop_on_signals()
    assert not stop.is_set()
    os.kill(os.getpid(), number)
    await asyncio.wait_for(stop.wait(), 30)
    for other in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(other)
