"""How long something takes that is promised to be quick.

A machine that stands still meanwhile only ever lengthens it: who holds a promise to its word
takes the shortest of a few tries.
"""

import asyncio
from collections.abc import Awaitable


async def spent(on: Awaitable[object]) -> float:
    """Return the seconds that `on` takes."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await on
    return loop.time() - began
