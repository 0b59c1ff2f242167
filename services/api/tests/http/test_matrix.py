"""Every operation of the OpenAPI document, asked by everybody who must not get anything."""

import pytest
from services.api.tests.conftest import Farm
from services.api.tests.http.matrix import PUBLIC, READS, WRITES, Names, ask, names, operations

from lightmill.api.core.access import is_public
from lightmill.domain.principal import Role
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

__all__ = ["names"]
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
