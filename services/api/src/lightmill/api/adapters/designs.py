"""Designs and their versions, in SQL."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from lightmill.api.adapters.audit import record
from lightmill.api.core.component import Component
from lightmill.api.core.manifest import Entry
from lightmill.api.core.problem import ProblemError, missing
from lightmill.api.ports.designs import Design, Designs, Version
from lightmill.api.queries.visible import may_change, visible
from lightmill.domain.principal import Principal
from lightmill.runtime.clock import Clock
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import (
    DESIGN_VERSIONS,
    DESIGNS,
    GRANTS,
    MATERIALS,
    TEXTURES,
    USES,
)

COMPONENTS = {
    Component.DESIGN: (DESIGNS, DESIGNS.c.design_id),
    Component.MATERIAL: (MATERIALS, MATERIALS.c.material_id),
    Component.TEXTURE: (TEXTURES, TEXTURES.c.texture_id),
}
"""Where each kind is kept, and by which column callers name it."""


class SqlDesigns(Designs):
    """The tables `designs` and `design_versions`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def add(self, principal: Principal, design: Design) -> bool:
        now = self._clock.now()
        row = insert(DESIGNS).values(
            id=design.id,
            tenant_id=principal.tenant_id,
            owner_id=principal.user_id,
            design_id=design.design_id,
            name=design.name,
            versions=1,
            created_at=now,
        )
        try:
            async with self._database.transaction() as connection:
                await connection.execute(row)
                await _add_version(connection, principal, design.id, 1, design.version, now)
                await record(connection, principal, "design.create", design.design_id, now)
        except IntegrityError:
            return False
        return True

    @override
    async def add_version(self, principal: Principal, design_id: str, version: Version) -> int:
        now = self._clock.now()
        async with self._database.transaction() as connection:
            found = await owned(connection, principal, Component.DESIGN, design_id)
            # Locked until the commit: two versions at once get two numbers.
            query = select(DESIGNS.c.versions).where(DESIGNS.c.id == found).with_for_update()
            number = int((await connection.execute(query)).scalar_one()) + 1
            await connection.execute(
                update(DESIGNS).where(DESIGNS.c.id == found).values(versions=number)
            )
            await _add_version(connection, principal, found, number, version, now)
            details = {"version": number}
            await record(connection, principal, "design.version", design_id, now, details)
        return number

    @override
    async def find(
        self, principal: Principal, design_id: str, version: int | None = None
    ) -> Design | None:
        number = DESIGNS.c.versions if version is None else version
        query = (
            select(DESIGN_VERSIONS, DESIGNS.c.design_id, DESIGNS.c.name)
            .join(DESIGNS, DESIGNS.c.id == DESIGN_VERSIONS.c.design)
            .where(
                visible(DESIGNS, principal),
                DESIGNS.c.design_id == design_id,
                DESIGN_VERSIONS.c.version == number,
            )
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        found = Version(
            id=row.id,
            number=row.version,
            model=row.model,
            files=tuple(Entry(**entry) for entry in row.manifest),
            materials=row.materials,
            engine=row.details.get("engine", "blender"),
            analysis_id=row.analysis_id,
        )
        return Design(id=row.design, design_id=row.design_id, name=row.name, version=found)

    @override
    async def require_owned(self, principal: Principal, design_id: str) -> str:
        async with self._database.reading() as connection:
            return await owned(connection, principal, Component.DESIGN, design_id)

    @override
    async def show(self, principal: Principal, version_id: str, thumbnail_job: str) -> None:
        mine = (
            DESIGN_VERSIONS.c.id == version_id,
            DESIGN_VERSIONS.c.tenant_id == principal.tenant_id,
        )
        async with self._database.transaction() as connection:
            await connection.execute(
                update(DESIGN_VERSIONS).where(*mine).values(thumbnail_job=thumbnail_job)
            )

    @override
    async def remove(self, principal: Principal, design_id: str) -> None:
        async with self._database.transaction() as connection:
            found = await owned(connection, principal, Component.DESIGN, design_id)
            versions = select(DESIGN_VERSIONS.c.id).where(DESIGN_VERSIONS.c.design == found)
            await connection.execute(delete(USES).where(USES.c.used_by.in_(versions)))
            await connection.execute(
                delete(DESIGN_VERSIONS).where(DESIGN_VERSIONS.c.design == found)
            )
            await connection.execute(delete(GRANTS).where(GRANTS.c.object_id == found))
            await connection.execute(delete(DESIGNS).where(DESIGNS.c.id == found))
            await record(connection, principal, "design.delete", design_id, self._clock.now())


async def owned(
    connection: AsyncConnection, principal: Principal, kind: Component, name: str
) -> str:
    """Return the farm's id of what the bearer may change.

    Raises:
        ProblemError: there is no such thing, or it is somebody else's.
    """
    table, column = COMPONENTS[kind]
    query = select(table.c.id, table.c.owner_id).where(visible(table, principal), column == name)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise missing(kind.noun)
    if not may_change(principal, row.owner_id):
        detail = f"the {kind.noun} is shared with you; only its owner changes it"
        raise ProblemError(403, "forbidden", detail)
    return str(row.id)


async def _add_version(  # the columns
    connection: AsyncConnection,
    principal: Principal,
    design: str,
    number: int,
    version: Version,
    now: datetime,
) -> None:
    await connection.execute(
        insert(DESIGN_VERSIONS).values(
            id=version.id,
            tenant_id=principal.tenant_id,
            owner_id=principal.user_id,
            design=design,
            version=number,
            model=version.model,
            manifest=[entry.document() for entry in version.files],
            materials=dict(version.materials),
            details={"engine": version.engine},
            analysis_id=version.analysis_id,
            created_at=now,
        )
    )
    await use(connection, principal.tenant_id, version.id, version.uses)


async def use(
    connection: AsyncConnection, tenant_id: str, used_by: str, used: tuple[str, ...]
) -> None:
    """Note what something is made of."""
    rows = [{"used": one, "used_by": used_by, "tenant_id": tenant_id} for one in sorted(set(used))]
    if rows:
        await connection.execute(insert(USES), rows)
