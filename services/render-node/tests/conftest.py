"""A node on a real state folder, among twins."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from node_twins import Leader, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
async def leader(world: World) -> AsyncIterator[Leader]:
    async with world.leader() as leader:
        yield leader
