"""A relay of the scheduler's outbox, and what it sends to."""

import pytest
from libs.common.tests.storage.sql.relay_surroundings import CLOCK, RecordingCache, RecordingLink

from lightmill.storage.sql.database import Database
from lightmill.storage.sql.relay import Relay
from lightmill.storage.sql.schema import scheduler


@pytest.fixture
def link() -> RecordingLink:
    return RecordingLink()


@pytest.fixture
def cache() -> RecordingCache:
    return RecordingCache()


@pytest.fixture
def relay(database: Database, cache: RecordingCache) -> Relay:
    return Relay(database, scheduler.OUTBOX, cache, CLOCK)
