"""The committed OpenAPI document is the one that is served."""

import json
from pathlib import Path

from services.api.tests.conftest import Farm

SNAPSHOT = Path(__file__).parents[4] / "docs" / "openapi.json"
REMEDY = "write it anew: .venv/bin/python -m lightmill.api.cli > docs/openapi.json"


def test_the_snapshot_is_what_is_served(farm: Farm) -> None:
    assert SNAPSHOT.is_file(), REMEDY
    assert json.loads(SNAPSHOT.read_text()) == farm.assembly.app.openapi(), REMEDY


def test_every_operation_has_a_tag_an_id_and_problems(farm: Farm) -> None:
    seen = set()
    for operations in farm.assembly.app.openapi()["paths"].values():
        for operation in operations.values():
            assert operation["tags"]
            assert operation["operationId"] not in seen
            seen.add(operation["operationId"])
            problem = operation["responses"]["default"]["content"]
            assert list(problem) == ["application/problem+json"]
