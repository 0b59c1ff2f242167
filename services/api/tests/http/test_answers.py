"""What is answered is what the OpenAPI document says."""

from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from services.api.tests.conftest import Farm
from services.api.tests.http.matrix import PUBLIC, Names, ask, names, operations

from lightmill.api.factory import ROUTERS
from lightmill.domain.principal import Role
from lightmill.storage.sql.schema.scheduler import HISTORY, RESULTS, STEPS, TASKS

__all__ = ["names"]
REFUSED = {"deleteFile", "retryJob", "approveJob", "cleanUpTask", "makeHardwareConfig"}
REFUSED |= {"completeUpload", "deleteTexture"}
"""The state of what the fixture has made forbids these, or there is one already."""
ROLES = {"getAttemptBundle": Role.NODE, "signUploads": Role.NODE, "enrolNode": Role.ENROLMENT}
UNTYPED = {"getLog", "getScript", "downloadFile", "analyseScene", "unpackArchive"}


def models() -> dict[str, Any]:
    found = {}
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for answer in route.responses.values():
                if "model" in answer:
                    found[str(route.operation_id)] = answer["model"]
    return found


@pytest.fixture
async def _some_work(farm: Farm, names: Names) -> None:
    now = farm.clock.now()
    ids = {"tenant_id": farm.one.id, "job_id": names.values["job_id"]}
    task = {**ids, "id": "task-1", "owner_id": "o", "step_id": "s", "ordinals": [0], "frames": [1]}
    task |= {"state": "RUNNING", "node_id": "n", "attempt_id": "a", "priority": 1, "tries": 1}
    await farm.insert(TASKS, {**task, "progress": 0.5, "failures": 0, "created_at": now})
    step = {**ids, "id": "s", "position": 0, "name": "render", "state": "RUNNING", "frames": 1}
    step |= {"next_ordinal": 1, "succeeded": 1, "failed": 0, "running": 0, "updated_at": now}
    await farm.insert(STEPS, step)
    result = {**ids, "step_id": "s", "ordinal": 0, "attempt_id": "a", "node_id": "n", "frame": 1}
    result |= {"object_key": "k/1.png", "thumbnail_key": "k/1.jpg", "blake3": "b", "size": 5}
    result |= {"width": 1, "height": 1, "media_type": "image/png", "seconds": 1.0}
    await farm.insert(RESULTS, {**result, "created_at": now})
    line = {"entity": "job", "entity_id": ids["job_id"], "became": "PENDING", "why": "w"}
    await farm.insert(HISTORY, {**ids, **line, "by": "api", "at": now})


@pytest.mark.usefixtures("_some_work")
async def test_every_answer_has_the_documented_shape(farm: Farm, names: Names) -> None:
    known, empty = models(), []
    for operation, method, path in sorted(operations(farm.assembly.app), key=_deletions_last):
        if operation in PUBLIC | UNTYPED:
            continue
        async with farm.client(ROLES.get(operation, Role.ADMIN)) as client:
            answer = await ask(client, operation, method, path, names)
        assert (answer.status_code == 409) is (operation in REFUSED), (operation, answer.text)
        assert operation in REFUSED or answer.is_success, (operation, answer.text)
        if answer.is_success and answer.status_code != 204:
            TypeAdapter(known[operation]).validate_json(answer.content)
            if answer.json().get("items") == []:
                empty.append(operation)
    assert not empty, "lists without items prove nothing"


def _deletions_last(operation: tuple[str, str, str]) -> int:
    """Return what sorts so that everything is asked for before it is deleted, parts first."""
    _, method, path = operation
    return -path.count("/") if method == "DELETE" else -100
