"""Designs, materials and textures that somebody may see."""

from typing import Any

from sqlalchemy import Row, Select, and_, select

from lightmill.api.core import cursor
from lightmill.api.core.metadata import look, metadata
from lightmill.api.core.moment import rfc3339
from lightmill.api.queries.page import Cut, Page, page
from lightmill.api.queries.visible import visible
from lightmill.domain.principal import Principal
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.analyzer import ANALYSES
from lightmill.storage.sql.schema.api import DESIGN_VERSIONS, DESIGNS, MATERIALS, TEXTURES
from lightmill.storage.sql.schema.scheduler import RESULTS


class DesignQueries:
    """Reads what designs are made of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def listed(self, principal: Principal, cut: Cut) -> Page:
        """Return the designs that the bearer may use, as they are now, the newest first."""
        query = (
            _whole()
            .where(visible(DESIGNS, principal), DESIGN_VERSIONS.c.version == DESIGNS.c.versions)
            .order_by(DESIGNS.c.id.desc())
        )
        if cut.after is not None:
            query = query.where(DESIGNS.c.id < cursor.decode(cut.after, str)[0])
        async with self._database.reading() as connection:
            return await page(connection, query, cut.limit, _design, _mark)

    async def find(
        self, principal: Principal, design_id: str, version: int | None = None
    ) -> dict[str, object] | None:
        """Return one design in that version, or in the latest; or None."""
        number = DESIGNS.c.versions if version is None else version
        query = _whole().where(
            visible(DESIGNS, principal),
            DESIGNS.c.design_id == design_id,
            DESIGN_VERSIONS.c.version == number,
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _design(row)

    async def versions(self, principal: Principal, design_id: str, cut: Cut) -> Page:
        """Return the versions of a design, the newest first; none where there is no such."""
        query = (
            _whole()
            .where(visible(DESIGNS, principal), DESIGNS.c.design_id == design_id)
            .order_by(DESIGN_VERSIONS.c.version.desc())
        )
        if cut.after is not None:
            before = cursor.decode(cut.after, int)[0]
            query = query.where(DESIGN_VERSIONS.c.version < before)
        async with self._database.reading() as connection:
            return await page(
                connection, query, cut.limit, _design, lambda row: cursor.encode(row.version)
            )

    async def materials(
        self, principal: Principal, cut: Cut | None = None, name: str | None = None
    ) -> Page:
        """Return the materials that the bearer may use, or the one of that name."""
        query = select(MATERIALS).where(visible(MATERIALS, principal))
        if name is not None:
            query = query.where(MATERIALS.c.material_id == name)
        return await self._parts(query, MATERIALS.c.id, cut, _material)

    async def textures(
        self, principal: Principal, cut: Cut | None = None, name: str | None = None
    ) -> Page:
        """Return the textures that the bearer may use, or the one of that name."""
        query = select(TEXTURES).where(visible(TEXTURES, principal))
        if name is not None:
            query = query.where(TEXTURES.c.texture_id == name)
        return await self._parts(query, TEXTURES.c.id, cut, _texture)

    async def _parts(self, query: Select[Any], key: Any, cut: Cut | None, item: Any) -> Page:  # noqa: ANN401  # a column, a function of a row
        query = query.order_by(key.desc())
        if cut is not None and cut.after is not None:
            query = query.where(key < cursor.decode(cut.after, str)[0])
        async with self._database.reading() as connection:
            return await page(connection, query, 1 if cut is None else cut.limit, item, _mark)


def _whole() -> Select[Any]:
    picture = (
        select(RESULTS.c.object_key)
        .where(
            RESULTS.c.tenant_id == DESIGN_VERSIONS.c.tenant_id,
            RESULTS.c.job_id == DESIGN_VERSIONS.c.thumbnail_job,
        )
        .order_by(RESULTS.c.frame)
        .limit(1)
        .scalar_subquery()
    )
    version = DESIGN_VERSIONS.c
    return (
        select(
            DESIGNS,
            version.version,
            version.model,
            version.manifest,
            version.materials,
            version.details,
            version.analysis_id,
            version.thumbnail_job,
            version.created_at.label("version_at"),
            ANALYSES.c.state.label("look"),
            ANALYSES.c.outcome,
            ANALYSES.c.error,
            picture.label("picture"),
        )
        .join(DESIGN_VERSIONS, version.design == DESIGNS.c.id)
        .outerjoin(
            ANALYSES,
            and_(ANALYSES.c.id == version.analysis_id, ANALYSES.c.tenant_id == version.tenant_id),
        )
    )


def _mark(row: Row[Any]) -> str:
    return cursor.encode(row.id)


def _design(row: Row[Any]) -> dict[str, object]:
    return {
        "design_id": row.design_id,
        "name": row.name,
        "version": row.version,
        "versions": row.versions,
        "model": row.model,
        "engine": row.details.get("engine", "blender"),
        "files": row.manifest,
        "materials": {slot: one["material_id"] for slot, one in row.materials.items()},
        "state": look(row.analysis_id, row.look),
        "error": row.error,
        "metadata": metadata(row.outcome),
        "thumbnail_job": row.thumbnail_job,
        "thumbnail_key": row.picture,
        "owner_id": row.owner_id,
        "created_at": rfc3339(row.created_at),
        "version_created_at": rfc3339(row.version_at),
    }


def _material(row: Row[Any]) -> dict[str, object]:
    shading = dict(row.shading)
    textures = shading.pop("textures", {})
    return {
        "material_id": row.material_id,
        "name": row.name,
        "shading": shading,
        "textures": {place: one["texture_id"] for place, one in textures.items()},
        "owner_id": row.owner_id,
        "created_at": rfc3339(row.created_at),
    }


def _texture(row: Row[Any]) -> dict[str, object]:
    return {
        "texture_id": row.texture_id,
        "name": row.name,
        "colour_space": row.colour_space,
        "file": row.manifest[0],
        "owner_id": row.owner_id,
        "created_at": rfc3339(row.created_at),
    }
