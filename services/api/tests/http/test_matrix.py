"""Every operation of the OpenAPI document, asked by everybody who must not get anything."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from services.api.tests.conftest import Farm

from lightmill.api.core.access import is_public
from lightmill.domain.principal import Role
from lightmill.domain.results import attempt_prefix
from lightmill.storage.sql.schema.api import (
    ANALYSIS_REQUESTS,
    ASSETS,
    AUDIT_LOG,
    BUNDLES,
    DESIGN_VERSIONS,
    DESIGNS,
    FARM_POLICY,
    GRANTS,
    HARDWARE_CONFIGS,
    JOBS,
    LIMITS,
    MATERIALS,
    MULTIPART_UPLOADS,
    NODE_WISHES,
    POOLS,
    SHARES,
    TEXTURES,
    TOKENS,
)
from lightmill.storage.sql.schema.scheduler import ATTEMPTS, NODES

DESIGN = {"name": "Chair", "model": "chair.glb"}
TEXTURE: dict[str, object] = {"name": "Oak", "file": {"path": "oak.png", "asset_id": "{asset}"}}
OAK: dict[str, object] = {"name": "Oak", "textures": {"base_color": "{texture_id}"}}
CHAIR = [{"path": "chair.glb", "asset_id": "{asset}"}]
CONFIG = {"name": "big", "cores": 4, "ram": 2**33}
HELLO = {
    "specificationVersion": "jobtemplate-2023-09",
    "name": "Hello",
    "steps": [{"name": "Say", "script": {"actions": {"onRun": {"command": "true"}}}}],
}
WRITES: dict[str, dict[str, object] | None] = {
    "createDesignJob": {"designId": "{design}"},
    "createTask": {"scene_file": "{asset}", "frames": "1"},
    "cancelTask": None,
    "pauseTask": None,
    "resumeTask": None,
    "cleanUpTask": None,
    "analyseScene": {"scene_file": "{asset}"},
    "uploadFile": None,
    "submitJob": {"name": "n", "bundle_id": "{bundle}", "scene": "chair.glb", "frames": "1"},
    "submitSweep": {"name": "n", "prompts": ["p"]},
    "submitOpenJdJob": {"template": HELLO, "bundle_id": "{bundle}"},
    "changeJob": {"priority": 3},
    "cancelJob": None,
    "pauseJob": None,
    "resumeJob": None,
    "approveJob": None,
    "retryJob": None,
    "makeBundle": {"files": [{"path": "a", "asset_id": "{asset}"}]},
    "unpackArchive": {"archive": "{asset}"},
    "makeDesign": {**DESIGN, "files": CHAIR},
    "addDesignVersion": {"model": "chair.glb", "files": CHAIR},
    "deleteDesign": None,
    "renderThumbnail": None,
    "makeMaterial": OAK,
    "deleteMaterial": None,
    "makeTexture": TEXTURE,
    "deleteTexture": None,
    "addGrant": None,
    "deleteGrant": None,
    "deleteFile": None,
    "verifyFile": None,
    "beginUpload": {"blake3": "{new_blake3}", "size": 3, "path": "new.bin"},
    "signParts": {"numbers": [1]},
    "completeUpload": None,
    "giveUpUpload": None,
    "makeHardwareConfig": CONFIG,
    "changeHardwareConfig": {"cores": 2},
    "deleteHardwareConfig": None,
    "setRetention": {"orphans": 3},
    "collectGarbage": {"dry_run": True},
    "enrolNode": {"name": "n"},
    "drainNode": None,
    "resumeNode": None,
    "disableNode": None,
    "forgiveNode": None,
    "setPool": {"mode": "fifo"},
    "deletePool": None,
    "setLimit": {"total": 3},
    "deleteLimit": None,
    "setShare": {"weight": 2},
    "deleteShare": None,
    "setPolicy": {"preemption": True},
    "signUploads": {"names": ["a.png"]},
    "makeToken": {"user": "eve", "role": "artist"},
    "revokeToken": None,
}
READS: dict[str, dict[str, object] | None] = {
    "checkHashes": {"hashes": ["{md5}"]},
    "getDesignJob": None,
    "getTaskStatus": None,
    "listJobs": None,
    "getJob": None,
    "listTasks": None,
    "listAttempts": None,
    "listResults": None,
    "listHistory": None,
    "listFrames": None,
    "getLog": None,
    "getBundle": None,
    "listDesigns": None,
    "getDesign": None,
    "listDesignVersions": None,
    "getDesignVersion": None,
    "listMaterials": None,
    "getMaterial": None,
    "listTextures": None,
    "getTexture": None,
    "listGrants": None,
    "getScript": None,
    "listFiles": None,
    "listUploads": None,
    "getFile": None,
    "getUpload": None,
    "getRetention": None,
    "downloadFile": None,
    "getAnalysis": None,
    "listHardwareConfigs": None,
    "getHardwareConfig": None,
    "listNodes": None,
    "getOutlook": None,
    "getSystemStatus": None,
    "getMonitoring": None,
    "listPools": None,
    "listLimits": None,
    "listShares": None,
    "getPolicy": None,
    "getNode": None,
    "listTokens": None,
    "getAttemptBundle": None,
}
PUBLIC = {"readObject", "writeObject", "isAlive", "isReady", "getMetrics"}
REFUSED_BODIES = {
    "createTask",
    "analyseScene",
    "submitJob",
    "submitOpenJdJob",
    "makeBundle",
    "unpackArchive",
    "makeDesign",
    "makeMaterial",
    "makeTexture",
}
EMPTY_LISTS = {"listJobs", "listDesigns", "listFiles", "listUploads", "listHardwareConfigs"}
EMPTY_LISTS |= {"listShares", "listMaterials", "listTextures"}
KEEPERS = {"drainNode", "resumeNode", "disableNode", "forgiveNode", "setPool", "deletePool"}
KEEPERS |= {"setLimit", "deleteLimit", "setPolicy"}
FARM_WIDE = {"listNodes", "getNode", "listPools", "listLimits", "getPolicy"} | KEEPERS
FARM_WIDE |= {"getSystemStatus", "getMonitoring"}
OWN = {
    "setShare",
    "beginUpload",
    "setRetention",
    "getRetention",
    "collectGarbage",
    "makeHardwareConfig",
    "submitSweep",
    "makeToken",
    "listTokens",
    "enrolNode",
}
NODES_ONLY = {"getAttemptBundle", "signUploads"}


def operations(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path


class Names:
    """What of the first tenant's stands for the parameters of a path."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def path(self, template: str) -> str:
        for name, value in self.values.items():
            template = template.replace("{" + name + "}", str(value))
        assert "{" not in template, f"the matrix knows no value for {template}"
        return template

    def body(self, body: object) -> object:
        if isinstance(body, str) and body.startswith("{"):
            return self.values[body.strip("{}")]
        if isinstance(body, dict):
            return {key: self.body(value) for key, value in body.items()}
        if isinstance(body, list):
            return [self.body(value) for value in body]
        return body


@pytest.fixture
async def names(farm: Farm) -> Names:
    """Give one of everything, of the first tenant."""
    asset = await farm.upload(b"model", "chair.glb")
    files = [{"path": "chair.glb", "asset_id": asset}]
    async with farm.client() as client:
        bundle = (await client.post("/api/v1/bundles", json={"files": files})).json()
        body = {"design_id": "chair", **DESIGN, "files": files}
        texture = {"texture_id": "oak", "name": "Oak", "file": {**files[0], "path": "oak.png"}}
        oak = {"material_id": "oak", "name": "Oak", "textures": {"base_color": "oak"}}
        for path, thing in (("textures", texture), ("materials", oak), ("designs", body)):
            made = await client.post(f"/api/v1/{path}", json=thing)
            assert made.status_code == 201, made.text
            shared = await client.put(f"/api/v1/{path}/{thing[f'{path[:-1]}_id']}/shares/*")
            assert shared.status_code == 204, shared.text
        config = (await client.post("/api/v1/hardware-configs", json=CONFIG)).json()["id"]
        analysis = await client.post("/api/scene/analyse", json={"scene_file": asset})
        job = await client.post("/jobs", json={"designId": "chair"})
        md5 = (await client.get(f"/api/v1/files/{asset}")).json()["hash"]
        upload = {"blake3": "ab" * 32, "size": 7, "path": "large.exr"}
        upload_id = (await client.post("/api/v1/uploads", json=upload)).json()["upload_id"]
    job_id, now = job.json()["jobId"], farm.clock.now()
    attempt = {
        "id": "attempt-1",
        "tenant_id": farm.one.id,
        "job_id": job_id,
        "step_id": "step-1",
        "task_id": "task-1",
        "node_id": farm.one.node_id,
        "session": "session-1",
        "epoch": 1,
        "state": "RUNNING",
        "cores": 1,
        "ram": 1,
        "gpus": [],
        "assigned_at": now,
    }
    await farm.insert(ATTEMPTS, attempt)
    node = {"id": farm.one.node_id, "name": "n", "session": "s", "state": "ONLINE"}
    offer = {"cores": 8, "ram": 2**34, "engines": {"blender": ["4.5"]}}
    await farm.insert(NODES, {**node, "offer": offer, "seen_at": now, "updated_at": now})
    log = attempt_prefix(farm.one.id, job_id, "attempt-1") + "log.txt"
    await farm.store.put(log, b"rendered", "text/plain")
    async with farm.client(Role.ADMIN) as client:
        for kind, name in (("pools", "gpu"), ("limits", "arnold"), ("shares", "admin")):
            decided = {"total": 2} if kind == "limits" else {}
            assert (await client.put(f"/api/v1/{kind}/{name}", json=decided)).is_success
    token = next(row.id for row in await farm.rows(TOKENS) if row.tenant_id == farm.one.id)
    return Names(
        {
            "asset": asset,
            "asset_id": asset,
            "analysis_id": analysis.json()["analysis_id"],
            "attempt_id": "attempt-1",
            "bundle": bundle["bundle_id"],
            "bundle_id": bundle["bundle_id"],
            "config_id": config,
            "design": "chair",
            "design_id": "chair",
            "job_id": job_id,
            "key": "some/object",
            "kind": "designs",
            "name": "chair",
            "version": 1,
            "material_id": "oak",
            "texture_id": "oak",
            "md5": md5,
            "node_id": farm.one.node_id,
            "pool": "gpu",
            "limit": "arnold",
            "user": "admin",
            "task_id": job_id,
            "upload_id": upload_id,
            "new_blake3": "cd" * 32,
            "token_id": token,
        }
    )


async def ask(
    client: httpx2.AsyncClient, operation: str, method: str, path: str, names: Names
) -> httpx2.Response:
    if operation == "uploadFile":
        return await client.post(path, files={"file": ("a", b"new content")})
    body = {**WRITES, **READS}[operation]
    more: dict[str, Any] = {} if body is None else {"json": names.body(body)}
    return await client.request(method, names.path(path), **more)


WRITTEN = (
    JOBS,
    ASSETS,
    MULTIPART_UPLOADS,
    BUNDLES,
    DESIGNS,
    DESIGN_VERSIONS,
    MATERIALS,
    TEXTURES,
    GRANTS,
    HARDWARE_CONFIGS,
    POOLS,
    LIMITS,
    SHARES,
    FARM_POLICY,
    NODE_WISHES,
    ANALYSIS_REQUESTS,
    AUDIT_LOG,
)


async def snapshot(farm: Farm) -> dict[str, list[tuple[object, ...]]]:
    return {table.name: [tuple(row) for row in await farm.rows(table)] for table in WRITTEN}


def test_every_operation_has_a_row(farm: Farm) -> None:
    known = set(WRITES) | set(READS) | PUBLIC
    found = {operation for operation, _, _ in operations(farm.assembly.app)}
    assert found == known, "name new operations here: who may do what?"


def test_only_the_public_operations_are_public(farm: Farm) -> None:
    public = {
        operation
        for operation, _, path in operations(farm.assembly.app)
        if is_public(path.replace("{key}", "key"))
    }
    assert public == PUBLIC


async def test_nobody_without_a_token(farm: Farm, names: Names) -> None:
    before = await snapshot(farm)
    for operation, method, path in operations(farm.assembly.app):
        if operation in PUBLIC:
            continue
        for headers in ({}, {"Authorization": "Bearer lm_nonsense"}):
            async with farm.client(None) as client:
                client.headers.update(headers)
                answer = await ask(client, operation, method, path, names)
            assert answer.status_code == 401, operation
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
    assert await snapshot(farm) == before


@pytest.mark.parametrize("role", [Role.ADMIN, Role.ARTIST])
async def test_another_tenant_sees_and_changes_nothing(
    farm: Farm, names: Names, role: Role
) -> None:
    before = await snapshot(farm)
    for operation, method, path in operations(farm.assembly.app):
        if operation in PUBLIC | FARM_WIDE | OWN | NODES_ONLY | {"uploadFile"}:
            continue
        async with farm.client(role, farm.two) as client:
            answer = await ask(client, operation, method, path, names)
        if operation in EMPTY_LISTS:
            assert answer.json()["items"] == [], operation
        elif operation == "checkHashes":
            assert answer.json()["exists"] == []
        elif operation in REFUSED_BODIES:
            assert answer.status_code == 422, operation
        elif operation in {"revokeToken", "deleteShare"}:
            assert answer.status_code == (404 if role is Role.ADMIN else 403)
        else:
            assert answer.status_code == 404, (operation, answer.text)
    assert await snapshot(farm) == before


@pytest.mark.usefixtures("names")
async def test_another_tenants_upload_does_not_tell_that_the_content_is_known(farm: Farm) -> None:
    async with farm.client(tenant=farm.two) as client:
        answer = await client.post("/api/files/upload", files={"file": ("chair.glb", b"model")})
    assert answer.json()["uploaded"] is True


@pytest.mark.usefixtures("names")
async def test_another_tenants_lists_of_tokens_hold_its_own_alone(farm: Farm) -> None:
    async with farm.client(Role.ADMIN, farm.two) as client:
        listed = (await client.get("/api/v1/tokens")).json()["items"]
    rows = {row.id: row.tenant_id for row in await farm.rows(TOKENS)}
    assert {rows[item["token_id"]] for item in listed} == {farm.two.id}


async def test_a_viewer_reads_and_never_writes(farm: Farm, names: Names) -> None:
    before = await snapshot(farm)
    for operation, method, path in operations(farm.assembly.app):
        if operation in PUBLIC:
            continue
        async with farm.client(Role.VIEWER) as client:
            answer = await ask(client, operation, method, path, names)
        closed = operation in WRITES or operation in NODES_ONLY | {
            "listTokens",
            "getRetention",
            "listGrants",
        }
        if closed:
            assert answer.status_code == 403, operation
        else:
            assert answer.status_code == 200, (operation, answer.text)
    assert await snapshot(farm) == before


@pytest.mark.parametrize("role", [Role.NODE, Role.ENROLMENT])
async def test_machines_reach_their_own_routes_alone(farm: Farm, names: Names, role: Role) -> None:
    for operation, method, path in operations(farm.assembly.app):
        if operation in PUBLIC:
            continue
        async with farm.client(role) as client:
            answer = await ask(client, operation, method, path, names)
        theirs = NODES_ONLY if role is Role.NODE else {"enrolNode"}
        assert (answer.status_code == 403) is (operation not in theirs), operation
        assert operation not in theirs or answer.is_success, answer.text


@pytest.mark.usefixtures("names")
async def test_another_node_gets_nothing_for_an_attempt(farm: Farm) -> None:
    async with farm.client(Role.NODE, farm.two) as client:
        bundle = await client.get("/api/v1/attempts/attempt-1/bundle")
        urls = await client.post("/api/v1/attempts/attempt-1/upload-urls", json={"names": ["a"]})
    assert bundle.status_code == urls.status_code == 404


async def test_only_an_admin_decides_how_the_farm_is_shared(farm: Farm, names: Names) -> None:
    before = await snapshot(farm)
    for operation, method, path in operations(farm.assembly.app):
        if operation not in KEEPERS | {"setShare", "deleteShare"}:
            continue
        for role in (Role.ARTIST, Role.VIEWER):
            async with farm.client(role) as client:
                answer = await ask(client, operation, method, path, names)
            assert answer.status_code == 403, operation
    assert await snapshot(farm) == before


@pytest.mark.usefixtures("names")
async def test_an_artist_makes_no_tokens(farm: Farm) -> None:
    async with farm.client(Role.ARTIST) as client:
        answer = await client.post("/api/v1/tokens", json={"user": "eve", "role": "admin"})
    assert answer.status_code == 403
