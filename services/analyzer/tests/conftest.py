from pathlib import Path

import pytest

from lightmill.storage.sql.database import Database
from lightmill.testing.embedded_farm import EmbeddedFarm, embedded_farm


@pytest.fixture
def farm(database: Database, tmp_path: Path) -> EmbeddedFarm:
    return embedded_farm(database, tmp_path / "objects")
