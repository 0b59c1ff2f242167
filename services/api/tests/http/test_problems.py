from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
from services.api.tests.conftest import BASE, Farm
from typing_extensions import override

from lightmill.api.config import ApiSettings
from lightmill.api.factory import assemble
from lightmill.domain.principal import Role
from lightmill.runtime.clock import SystemClock
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.ports import StoreUnavailableError
from lightmill.storage.sql.database import Database


def is_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:lightmill:problem:{code}"
    assert body["code"] == code
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body


async def test_what_is_not_json_is_told_so(farm: Farm) -> None:
    async with farm.client() as client:
        answer = await client.post(
            "/api/v1/jobs", content=b"{not json", headers={"Content-Type": "application/json"}
        )
    is_problem(answer, 400, "not-json")


async def test_an_invalid_field_is_pointed_at(farm: Farm) -> None:
    async with farm.client() as client:
        answer = await client.post(
            "/api/v1/jobs",
            json={"name": "n", "frames": "5-1x0", "needs": {"cores": 0}, "files": [], "x": 1},
        )
    body = is_problem(answer, 422, "invalid-request")
    pointers = {error["pointer"] for error in body["errors"]}
    assert pointers == {"#/frames", "#/needs/cores", "#/files", "#/x"}
    assert body["instance"] == "/api/v1/jobs"


async def test_deep_json_is_refused_before_it_is_built(farm: Farm) -> None:
    deep = b'{"name": "n", "settings": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    async with farm.client() as client:
        answer = await client.post(
            "/api/v1/jobs", content=deep, headers={"Content-Type": "application/json"}
        )
    is_problem(answer, 422, "too-deep")


async def test_a_long_body_is_refused(farm: Farm) -> None:
    async with farm.client() as client:
        answer = await client.post(
            "/api/files/check_hashes", json={"hashes": ["a" * 100] * 400_000}
        )
    is_problem(answer, 413, "too-large")


async def test_an_unknown_path_and_a_wrong_method(farm: Farm) -> None:
    async with farm.client() as client:
        is_problem(await client.get("/nowhere"), 404, "not-found")
        is_problem(await client.put("/api/v1/jobs"), 405, "method-not-allowed")


class FailingStore(FolderStore):
    """A store that never answers as it should."""

    def __init__(self, root: Path, error: Exception) -> None:
        super().__init__(root, BASE, b"s" * 32, SystemClock())
        self._error = error

    @override
    async def put_file(self, key: str, path: Path, media_type: str) -> None:
        raise self._error


async def upload_with(farm: Farm, error: Exception) -> httpx2.Response:
    parts = replace(farm.parts, store=FailingStore(farm.store.path("x"), error))
    farm.assembly = assemble(ApiSettings(), parts)
    async with farm.client() as client:
        return await client.post("/api/files/upload", files={"file": ("a", b"b")})


async def test_a_store_that_is_away_is_503_with_a_time_to_wait(farm: Farm) -> None:
    answer = await upload_with(farm, StoreUnavailableError())
    is_problem(answer, 503, "unavailable")
    assert answer.headers["retry-after"]


async def test_what_nobody_foresaw_is_a_problem_that_tells_nothing(farm: Farm) -> None:
    answer = await upload_with(farm, RuntimeError("secret detail"))
    is_problem(answer, 500, "internal")
    assert "secret" not in answer.text


async def test_a_database_that_is_away_is_503(farm: Farm, tmp_path: Path) -> None:
    nowhere = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'none' / 'farm.db'}")
    farm.assembly = assemble(ApiSettings(), replace(farm.parts, database=nowhere))
    async with farm.client() as client:
        is_problem(await client.get("/api/v1/jobs"), 503, "unavailable")
    await nowhere.close()


async def test_a_request_id_is_echoed_or_made(farm: Farm) -> None:
    async with farm.client() as client:
        echoed = await client.get("/healthz", headers={"X-Request-ID": "abc-1"})
        made = await client.get("/healthz", headers={"X-Request-ID": "no spaces please"})
    assert echoed.headers["x-request-id"] == "abc-1"
    assert len(made.headers["x-request-id"]) == 36


async def test_a_revoked_token_stops_within_ten_seconds(farm: Farm) -> None:
    async with farm.client(Role.ADMIN) as admin:
        made = (await admin.post("/api/v1/tokens", json={"user": "ada", "role": "artist"})).json()
        async with farm.client(None) as client:
            client.headers["Authorization"] = f"Bearer {made['token']}"
            assert (await client.get("/api/v1/jobs")).status_code == 200
            revoked = await admin.delete(f"/api/v1/tokens/{made['token_id']}")
            assert revoked.status_code == 204
            farm.clock.pass_time(10.5)
            is_problem(await client.get("/api/v1/jobs"), 401, "unauthorised")


async def test_a_token_ends_with_its_lifetime(farm: Farm) -> None:
    body = {"user": "ada", "role": "viewer", "lifetime": 60}
    async with farm.client(Role.ADMIN) as admin:
        made = (await admin.post("/api/v1/tokens", json=body)).json()
    async with farm.client(None) as client:
        client.headers["Authorization"] = f"Bearer {made['token']}"
        assert (await client.get("/api/v1/jobs")).status_code == 200
        farm.clock.pass_time(61)
        assert (await client.get("/api/v1/jobs")).status_code == 401


async def test_a_known_bearer_costs_no_query(farm: Farm) -> None:
    async with farm.client() as client:
        await client.get("/nowhere")
        before = farm.parts.database.statements
        await client.get("/nowhere")
        assert farm.parts.database.statements == before


async def test_a_right_id_with_a_wrong_secret_is_nobody(farm: Farm) -> None:
    token = farm.one.tokens[Role.ARTIST]
    turned = token[:-1] + ("A" if token[-1] != "A" else "B")
    async with farm.client(None) as client:
        client.headers["Authorization"] = f"Bearer {turned}"
        is_problem(await client.get("/api/v1/jobs"), 401, "unauthorised")


async def test_metrics_have_bounded_labels(farm: Farm) -> None:
    async with farm.client() as client:
        await client.get("/api/v1/jobs/some-id-of-a-job")
        text = (await client.get("/metrics")).text
    assert "some-id-of-a-job" not in text
    assert 'route="/api/v1/jobs/{job_id}"' in text


async def test_readiness_names_the_part_that_is_away(farm: Farm) -> None:
    async with farm.client(None) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"database": True, "cache": True, "store": True, "broker": False}
