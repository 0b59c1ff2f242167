"""Many processes that ended are seen off together."""

import asyncio
import threading
from collections.abc import Sequence

from engine_kit import until

from lightmill.render_node.engines.farewell import Farewell


async def test_what_ends_while_one_look_goes_on_shares_the_next() -> None:
    looks: list[list[str]] = []
    may_end = threading.Event()

    def end_all(marks: Sequence[str]) -> None:
        looks.append(list(marks))
        may_end.wait(25)

    farewell = Farewell(end_all)
    first = asyncio.create_task(farewell("a"))
    await until(lambda: bool(looks))
    others = [asyncio.create_task(farewell(mark)) for mark in "bcd"]
    await asyncio.sleep(0)
    impatient = others.pop()
    impatient.cancel()
    may_end.set()
    await asyncio.gather(first, *others)
    assert looks == [["a"], ["b", "c", "d"]]
