"""Every operation of the OpenAPI document, with something to ask it for."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from services.api.tests.conftest import Farm

from lightmill.domain.principal import Role
from lightmill.domain.results import attempt_prefix
from lightmill.storage.sql.schema.api import (
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


CHOSEN: dict[str, Any] = {
    "attempt_id": "attempt-1",
    "design": "chair",
    "design_id": "chair",
    "key": "some/object",
    "kind": "designs",
    "limit": "arnold",
    "material_id": "oak",
    "name": "chair",
    "new_blake3": "cd" * 32,
    "pool": "gpu",
    "texture_id": "oak",
    "user": "admin",
    "version": 1,
}
"""Names that whoever asks has chosen."""


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
    given = await _handed_in(farm)
    await _rendered(farm, given["job_id"])
    await _decided(farm)
    token = next(row.id for row in await farm.rows(TOKENS) if row.tenant_id == farm.one.id)
    return Names({**CHOSEN, **given, "node_id": farm.one.node_id, "token_id": token})


async def _handed_in(farm: Farm) -> dict[str, Any]:
    """Make what artists make; returns what the api called it."""
    asset = await farm.upload(b"model", "chair.glb")
    files: list[dict[str, Any]] = [{"path": "chair.glb", "asset_id": asset}]
    async with farm.client() as client:
        bundle = (await client.post("/api/v1/bundles", json={"files": files})).json()["bundle_id"]
        await _shared(client, files)
        config = (await client.post("/api/v1/hardware-configs", json=CONFIG)).json()["id"]
        analysis = await client.post("/api/scene/analyse", json={"scene_file": asset})
        job = (await client.post("/jobs", json={"designId": "chair"})).json()["jobId"]
        md5 = (await client.get(f"/api/v1/files/{asset}")).json()["hash"]
        upload = {"blake3": "ab" * 32, "size": 7, "path": "large.exr"}
        upload_id = (await client.post("/api/v1/uploads", json=upload)).json()["upload_id"]
    named = {"analysis_id": analysis.json()["analysis_id"], "upload_id": upload_id, "md5": md5}
    twice = {"asset": asset, "asset_id": asset, "bundle": bundle, "bundle_id": bundle}
    return {**named, **twice, "config_id": config, "job_id": job, "task_id": job}


async def _shared(client: httpx2.AsyncClient, files: list[dict[str, Any]]) -> None:
    """Make a design, a material and a texture, and share them with everybody."""
    design = {"design_id": "chair", **DESIGN, "files": files}
    texture = {"texture_id": "oak", "name": "Oak", "file": {**files[0], "path": "oak.png"}}
    oak = {"material_id": "oak", "name": "Oak", "textures": {"base_color": "oak"}}
    for path, thing in (("textures", texture), ("materials", oak), ("designs", design)):
        made = await client.post(f"/api/v1/{path}", json=thing)
        assert made.status_code == 201, made.text
        shared = await client.put(f"/api/v1/{path}/{thing[f'{path[:-1]}_id']}/shares/*")
        assert shared.status_code == 204, shared.text


async def _rendered(farm: Farm, job_id: str) -> None:
    """Let a node be rendering the job, with a log."""
    now, one = farm.clock.now(), farm.one
    attempt: dict[str, Any] = {
        "id": "attempt-1",
        "tenant_id": one.id,
        "job_id": job_id,
        "step_id": "step-1",
    }
    attempt |= {"task_id": "task-1", "node_id": one.node_id, "session": "session-1", "epoch": 1}
    room = {"cores": 1, "ram": 1, "gpus": []}
    await farm.insert(ATTEMPTS, {**attempt, **room, "state": "RUNNING", "assigned_at": now})
    node = {"id": one.node_id, "name": "n", "session": "s", "state": "ONLINE"}
    offer = {"cores": 8, "ram": 2**34, "engines": {"blender": ["4.5"]}}
    await farm.insert(NODES, {**node, "offer": offer, "seen_at": now, "updated_at": now})
    log = attempt_prefix(one.id, job_id, "attempt-1") + "log.txt"
    await farm.store.put(log, b"rendered", "text/plain")


async def _decided(farm: Farm) -> None:
    """Let an admin have decided how the farm is shared."""
    async with farm.client(Role.ADMIN) as client:
        for kind, name in (("pools", "gpu"), ("limits", "arnold"), ("shares", CHOSEN["user"])):
            decided = {"total": 2} if kind == "limits" else {}
            assert (await client.put(f"/api/v1/{kind}/{name}", json=decided)).is_success


async def ask(
    client: httpx2.AsyncClient, operation: str, method: str, path: str, names: Names
) -> httpx2.Response:
    if operation == "uploadFile":
        return await client.post(path, files={"file": ("a", b"new content")})
    body = {**WRITES, **READS}[operation]
    more: dict[str, Any] = {} if body is None else {"json": names.body(body)}
    return await client.request(method, names.path(path), **more)
