"""Materials, textures, and who may use what, in SQL."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from lightmill.api.adapters.audit import record
from lightmill.api.adapters.designs import owned, use
from lightmill.api.core.component import EVERYBODY, Component
from lightmill.api.core.manifest import Entry
from lightmill.api.core.problem import ProblemError, missing
from lightmill.api.ports.designs import Grants, Material, Materials, Texture
from lightmill.api.queries.visible import EVERYBODY_ID, visible
from lightmill.domain.principal import Principal
from lightmill.runtime.clock import Clock
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import GRANTS, MATERIALS, TEXTURES, USERS, USES

_TABLES = {Component.MATERIAL: MATERIALS, Component.TEXTURE: TEXTURES}


class SqlMaterials(Materials):
    """The tables `materials` and `textures`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def add_texture(self, principal: Principal, texture: Texture) -> bool:
        values = {
            "id": texture.id,
            "texture_id": texture.texture_id,
            "name": texture.name,
            "colour_space": texture.colour_space,
            "manifest": [texture.file.document()],
        }
        return await self._add(principal, TEXTURES, values, "texture.create", ())

    @override
    async def add_material(self, principal: Principal, material: Material) -> bool:
        values = {
            "id": material.id,
            "material_id": material.material_id,
            "name": material.name,
            "shading": dict(material.shading),
            "manifest": [entry.document() for entry in material.files],
        }
        return await self._add(principal, MATERIALS, values, "material.create", material.uses)

    async def _add(
        self,
        principal: Principal,
        table: Table,
        values: Mapping[str, object],
        action: str,
        used: tuple[str, ...],
    ) -> bool:
        now, who = self._clock.now(), principal
        row = {**values, "tenant_id": who.tenant_id, "owner_id": who.user_id, "created_at": now}
        try:
            async with self._database.transaction() as connection:
                await connection.execute(insert(table).values(**row))
                await use(connection, who.tenant_id, str(values["id"]), used)
                await record(connection, who, action, str(values["id"]), now)
        except IntegrityError:
            return False
        return True

    @override
    async def textures(self, principal: Principal, ids: Sequence[str]) -> Mapping[str, Texture]:
        query = select(TEXTURES).where(
            visible(TEXTURES, principal), TEXTURES.c.texture_id.in_(ids)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return {
            row.texture_id: Texture(
                id=row.id,
                texture_id=row.texture_id,
                name=row.name,
                colour_space=row.colour_space,
                file=Entry(**row.manifest[0]),
            )
            for row in rows
        }

    @override
    async def materials(self, principal: Principal, ids: Sequence[str]) -> Mapping[str, Material]:
        query = select(MATERIALS).where(
            visible(MATERIALS, principal), MATERIALS.c.material_id.in_(ids)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return {
            row.material_id: Material(
                id=row.id,
                material_id=row.material_id,
                name=row.name,
                shading=row.shading,
                files=tuple(Entry(**entry) for entry in row.manifest),
            )
            for row in rows
        }

    @override
    async def remove(self, principal: Principal, kind: Component, name: str) -> None:
        table = _TABLES[kind]
        async with self._database.transaction() as connection:
            found = await owned(connection, principal, kind, name)
            query = select(USES.c.used).where(USES.c.used == found).limit(1)
            if (await connection.execute(query)).scalar() is not None:
                detail = f"the {kind.noun} is in use; delete what is made of it first"
                raise ProblemError(409, "in-use", detail)
            await connection.execute(delete(USES).where(USES.c.used_by == found))
            await connection.execute(delete(GRANTS).where(GRANTS.c.object_id == found))
            await connection.execute(delete(table).where(table.c.id == found))
            now = self._clock.now()
            await record(connection, principal, f"{kind.noun}.delete", found, now)


class SqlGrants(Grants):
    """The table `grants`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def add(self, principal: Principal, kind: Component, name: str, user: str) -> None:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            found = await owned(connection, principal, kind, name)
            user_id = await _user(connection, principal, user)
            if user_id is None:
                raise missing(f"user {user!r} in this tenant")
            mine = (GRANTS.c.object_id == found, GRANTS.c.user_id == user_id)
            await connection.execute(delete(GRANTS).where(*mine))
            row = {"object_id": found, "user_id": user_id, "tenant_id": principal.tenant_id}
            await connection.execute(insert(GRANTS).values(**row, created_at=now))
            details = {"user": user}
            await record(connection, principal, f"{kind.noun}.share", name, now, details)

    @override
    async def remove(self, principal: Principal, kind: Component, name: str, user: str) -> bool:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            found = await owned(connection, principal, kind, name)
            user_id = await _user(connection, principal, user)
            mine = (GRANTS.c.object_id == found, GRANTS.c.user_id == user_id)
            gone = await connection.execute(delete(GRANTS).where(*mine))
            if gone.rowcount:
                details = {"user": user}
                await record(connection, principal, f"{kind.noun}.unshare", name, now, details)
        return bool(gone.rowcount)

    @override
    async def users(self, principal: Principal, kind: Component, name: str) -> list[str]:
        async with self._database.reading() as connection:
            found = await owned(connection, principal, kind, name)
            query = (
                select(GRANTS.c.user_id, USERS.c.name)
                .outerjoin(USERS, USERS.c.id == GRANTS.c.user_id)
                .where(GRANTS.c.object_id == found)
            )
            rows = (await connection.execute(query)).all()
        return sorted(EVERYBODY if row.user_id == EVERYBODY_ID else str(row.name) for row in rows)


async def _user(connection: AsyncConnection, principal: Principal, user: str) -> str | None:
    if user == EVERYBODY:
        return EVERYBODY_ID
    query = select(USERS.c.id).where(
        USERS.c.tenant_id == principal.tenant_id, USERS.c.name == user
    )
    found: str | None = (await connection.execute(query)).scalar()
    return found
