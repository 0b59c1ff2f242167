"""An api on SQLite, a folder, and in-memory twins, with two tenants."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Table, func, insert, select

from lightmill.api.config import ApiSettings
from lightmill.api.factory import Assembly, assemble
from lightmill.broker.in_process import InProcessBroker
from lightmill.domain.principal import Role
from lightmill.runtime.ids import new_id
from lightmill.runtime.parts import Parts
from lightmill.runtime.tokens import new_token
from lightmill.storage.cache.memory import MemoryStatusCache
from lightmill.storage.objects.folder import FolderStore
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import TENANTS, TOKENS, USERS

BASE = "http://api.test"


class SteppedClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass
class Tenant:
    """A tenant with one user and one token for each role."""

    id: str
    users: dict[Role, str] = field(default_factory=dict)
    tokens: dict[Role, str] = field(default_factory=dict)
    node_id: str = field(default_factory=new_id)


@dataclass
class Farm:
    """The api under test, and what lies behind it."""

    parts: Parts
    assembly: Assembly
    clock: SteppedClock
    store: FolderStore
    cache: MemoryStatusCache
    one: Tenant
    two: Tenant

    def client(
        self, role: Role | None = Role.ARTIST, tenant: Tenant | None = None
    ) -> httpx2.AsyncClient:
        headers = {}
        if role is not None:
            headers["Authorization"] = f"Bearer {(tenant or self.one).tokens[role]}"
        transport = httpx2.ASGITransport(app=self.assembly.app)
        return httpx2.AsyncClient(transport=transport, base_url=BASE, headers=headers)

    async def rows(self, table: Table) -> list[Any]:
        async with self.parts.database.reading() as connection:
            return list((await connection.execute(select(table))).all())

    async def count(self, table: Table) -> int:
        async with self.parts.database.reading() as connection:
            query = select(func.count()).select_from(table)
            return int((await connection.execute(query)).scalar_one())

    async def insert(self, table: Table, *rows: dict[str, Any]) -> None:
        async with self.parts.database.transaction() as connection:
            await connection.execute(insert(table), list(rows))

    async def upload(
        self, content: bytes = b"scene", path: str = "scene.blend", tenant: Tenant | None = None
    ) -> int:
        async with self.client(tenant=tenant) as client:
            answer = await client.post(
                "/api/files/upload", files={"file": (path, content)}, data={"path": path}
            )
        assert answer.status_code == 200, answer.text
        return int(answer.json()["asset_id"])

    async def bundle(self, *paths: str, tenant: Tenant | None = None) -> str:
        wanted = paths or ("scene.blend",)
        files = [
            {"path": path, "asset_id": await self.upload(path.encode(), path, tenant)}
            for path in wanted
        ]
        async with self.client(tenant=tenant) as client:
            answer = await client.post("/api/v1/bundles", json={"files": files})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["bundle_id"])

    async def job(self, tenant: Tenant | None = None, **more: object) -> str:
        body = {
            "name": "shot",
            "bundle_id": await self.bundle(tenant=tenant),
            "scene": "scene.blend",
            "frames": "1-10",
            **more,
        }
        async with self.client(tenant=tenant) as client:
            answer = await client.post("/api/v1/jobs", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


async def _tenant(database: Database, name: str, clock: SteppedClock) -> Tenant:
    tenant, now = Tenant(id=new_id()), clock.now()
    async with database.transaction() as connection:
        row = {"id": tenant.id, "name": name, "content_key": "ab" * 32, "created_at": now}
        await connection.execute(insert(TENANTS).values(**row))
        for role in Role:
            tenant.users[role] = new_id()
            user = {"id": tenant.users[role], "tenant_id": tenant.id, "name": role, "role": role}
            await connection.execute(insert(USERS).values(**user, created_at=now))
            made = new_token()
            tenant.tokens[role] = made.token
            token = {
                "id": made.id,
                "tenant_id": tenant.id,
                "user_id": tenant.users[role],
                "role": role,
                "node_id": tenant.node_id if role is Role.NODE else None,
                "secret_sha256": made.digest,
            }
            await connection.execute(insert(TOKENS).values(**token, created_at=now))
    return tenant


@pytest.fixture
def settings() -> ApiSettings:
    return ApiSettings(
        simulated_engine=True,
        trusted_pools=("tools",),
        analysis_seconds=0,
        cleanup_seconds=1,
        most_upload_bytes=10 * 2**20,
        port=0,
    )


@pytest.fixture
async def farm(database: Database, tmp_path: Path, settings: ApiSettings) -> Farm:
    clock = SteppedClock()
    store = FolderStore(tmp_path / "objects", BASE, b"s" * 32, clock)
    cache = MemoryStatusCache(clock)
    parts = Parts(
        database=database, broker=InProcessBroker(), store=store, cache=cache, clock=clock
    )
    one = await _tenant(database, f"one-{new_id()}", clock)
    two = await _tenant(database, f"two-{new_id()}", clock)
    return Farm(
        parts=parts,
        assembly=assemble(settings, parts),
        clock=clock,
        store=store,
        cache=cache,
        one=one,
        two=two,
    )
