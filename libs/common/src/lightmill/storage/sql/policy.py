"""The farm's policy out of the tables that the api keeps it in."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from lightmill.domain.policy import (
    DEFAULT_LIMITS,
    DEFAULT_POOLS,
    Limit,
    LimitScope,
    Policy,
    Pool,
    PoolMode,
    Scaling,
    Share,
)
from lightmill.storage.sql.schema.api import FARM_POLICY, LIMITS, POOLS, SHARES

_SCALING: TypeAdapter[Scaling | None] = TypeAdapter(Scaling | None)


async def read_policy(connection: AsyncConnection) -> Policy:
    """Return everything that the keeper of the farm has decided, the defaults included."""
    pools = (await connection.execute(select(POOLS))).all()
    limits = (await connection.execute(select(LIMITS))).all()
    shares = (await connection.execute(select(SHARES))).all()
    preemption = (await connection.execute(select(FARM_POLICY.c.preemption))).scalar()
    return Policy(
        pools={**DEFAULT_POOLS, **{row.name: pool_of(row) for row in pools}},
        limits={**DEFAULT_LIMITS, **{row.name: limit_of(row) for row in limits}},
        shares={(row.tenant_id, row.user_label or None): share_of(row) for row in shares},
        preemption=bool(preemption),
    )


def pool_of(row: Row[Any]) -> Pool:
    """Return the pool in a row of `pools`."""
    return Pool(
        name=row.name,
        mode=PoolMode(row.mode),
        scaling=_SCALING.validate_python(row.scaling),
        sandbox=row.sandbox,
    )


def limit_of(row: Row[Any]) -> Limit:
    """Return the limit in a row of `limits`."""
    return Limit(
        name=row.name,
        total=row.total,
        scope=LimitScope(row.scope),
        scaling=_SCALING.validate_python(row.scaling),
    )


def share_of(row: Row[Any]) -> Share:
    """Return the share in a row of `shares`."""
    return Share(
        tenant_id=row.tenant_id,
        user=row.user_label or None,
        weight=row.weight,
        size=row.size,
        burst=row.burst,
    )
