"""Keep designs in versions, of materials and textures that stand by themselves."""

import sqlalchemy as sa
from alembic import op

from lightmill.storage.sql.schema import columns

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_MOVED = ("model", "manifest", "details")

# MySQL keeps what a killed run had made: each step looks first.


def upgrade() -> None:
    """Bring the schema forward; each design becomes one of a single version."""
    _versions()
    _materials()
    _access()
    _add("designs", sa.Column("versions", sa.Integer(), nullable=False, server_default="1"))
    if _present("designs").issuperset(_MOVED):
        _move()
    for name in _MOVED:
        _drop("designs", name)
    with op.batch_alter_table("designs") as batch:
        batch.alter_column(
            "versions", existing_type=sa.Integer(), existing_nullable=False, server_default=None
        )


def _versions() -> None:
    op.create_table(
        "design_versions",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("design", columns.IDENTIFIER, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("manifest", columns.DOCUMENT, nullable=False),
        sa.Column("materials", columns.DOCUMENT, nullable=False),
        sa.Column("details", columns.DOCUMENT, nullable=False),
        sa.Column("analysis_id", columns.IDENTIFIER, nullable=True),
        sa.Column("thumbnail_job", columns.IDENTIFIER, nullable=True),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_design_versions")),
        sa.UniqueConstraint("design", "version", name=op.f("uq_design_versions_design_version")),
        if_not_exists=True,
    )
    _index("design_versions", "tenant_id", "thumbnail_job")


def _materials() -> None:
    op.create_table(
        "materials",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("material_id", columns.NAME, nullable=False),
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("shading", columns.DOCUMENT, nullable=False),
        sa.Column("manifest", columns.DOCUMENT, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_materials")),
        sa.UniqueConstraint(
            "tenant_id", "material_id", name=op.f("uq_materials_tenant_id_material_id")
        ),
        if_not_exists=True,
    )
    op.create_table(
        "textures",
        sa.Column("id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("owner_id", columns.IDENTIFIER, nullable=False),
        sa.Column("texture_id", columns.NAME, nullable=False),
        sa.Column("name", columns.NAME, nullable=False),
        sa.Column("colour_space", columns.KEYWORD, nullable=False),
        sa.Column("manifest", columns.DOCUMENT, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_textures")),
        sa.UniqueConstraint(
            "tenant_id", "texture_id", name=op.f("uq_textures_tenant_id_texture_id")
        ),
        if_not_exists=True,
    )


def _access() -> None:
    op.create_table(
        "uses",
        sa.Column("used", columns.IDENTIFIER, nullable=False),
        sa.Column("used_by", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.PrimaryKeyConstraint("used", "used_by", name=op.f("pk_uses")),
        if_not_exists=True,
    )
    op.create_table(
        "grants",
        sa.Column("object_id", columns.IDENTIFIER, nullable=False),
        sa.Column("user_id", columns.IDENTIFIER, nullable=False),
        sa.Column("tenant_id", columns.IDENTIFIER, nullable=False),
        sa.Column("created_at", columns.MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("object_id", "user_id", name=op.f("pk_grants")),
        if_not_exists=True,
    )
    _index("grants", "tenant_id", "user_id")


def _move() -> None:
    """Put what designs were made of into versions; who could use them still can."""
    op.execute(
        "INSERT INTO design_versions (id, tenant_id, owner_id, design, version, model, manifest,"
        " materials, details, created_at) SELECT id, tenant_id, owner_id, id, 1, model, manifest,"
        " '{}', details, created_at FROM designs"
        " WHERE NOT EXISTS (SELECT 1 FROM design_versions WHERE design_versions.id = designs.id)"
    )
    op.execute(
        "INSERT INTO grants (object_id, user_id, tenant_id, created_at)"
        " SELECT id, '', tenant_id, created_at FROM designs"
        " WHERE NOT EXISTS (SELECT 1 FROM grants WHERE grants.object_id = designs.id)"
    )


def _add(table: str, column: sa.Column[object]) -> None:
    if column.name not in _present(table):
        with op.batch_alter_table(table) as batch:
            batch.add_column(column)


def _drop(table: str, column: str) -> None:
    if column in _present(table):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)


def _present(table: str) -> set[str]:
    return {str(found["name"]) for found in sa.inspect(op.get_bind()).get_columns(table)}


def _index(table: str, *names: str) -> None:
    name = f"ix_{table}_{'_'.join(names)}"
    present = {found["name"] for found in sa.inspect(op.get_bind()).get_indexes(table)}
    if name not in present:
        with op.batch_alter_table(table) as batch:
            batch.create_index(name, list(names), unique=False)
