"""What of designs, materials and textures somebody may see, as conditions of a query."""

from sqlalchemy import ColumnElement, Table, and_, or_, select

from lightmill.domain.principal import Principal, Role
from lightmill.storage.sql.schema.api import GRANTS

EVERYBODY_ID = ""
"""Stands in `grants` for every user of the tenant."""


def visible(table: Table, principal: Principal) -> ColumnElement[bool]:
    """Return the condition that a row is the bearer's own, or shared, or that it is an admin."""
    granted = (
        select(GRANTS.c.object_id)
        .where(
            GRANTS.c.object_id == table.c.id,
            GRANTS.c.tenant_id == principal.tenant_id,
            GRANTS.c.user_id.in_((EVERYBODY_ID, principal.user_id)),
        )
        .exists()
    )
    mine = table.c.tenant_id == principal.tenant_id
    if principal.role is Role.ADMIN:
        return mine
    return and_(mine, or_(table.c.owner_id == principal.user_id, granted))


def may_change(principal: Principal, owner_id: str) -> bool:
    """Tell whether the bearer may change what that user owns."""
    return principal.role is Role.ADMIN or owner_id == principal.user_id
