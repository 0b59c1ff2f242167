"""Hardware profiles, in SQL."""

from collections.abc import Mapping

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from lightmill.api.adapters.audit import record
from lightmill.api.core.problem import ProblemError
from lightmill.api.ports import HardwareConfigs
from lightmill.domain.principal import Principal
from lightmill.runtime.clock import Clock
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import HARDWARE_CONFIGS as CONFIGS


class SqlHardwareConfigs(HardwareConfigs):
    """The table `hardware_configs`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @override
    async def add(self, principal: Principal, values: Mapping[str, object]) -> int:
        now = self._clock.now()
        row = insert(CONFIGS).values(**values, tenant_id=principal.tenant_id, created_at=now)
        try:
            async with self._database.transaction() as connection:
                added = await connection.execute(row)
                config_id = int(added.lastrowid)
                await record(connection, principal, "hardware.create", str(config_id), now)
        except IntegrityError:
            raise _taken() from None
        return config_id

    @override
    async def change(
        self, principal: Principal, config_id: int, values: Mapping[str, object]
    ) -> bool:
        mine = (CONFIGS.c.id == config_id, CONFIGS.c.tenant_id == principal.tenant_id)
        try:
            async with self._database.transaction() as connection:
                found = await connection.execute(select(CONFIGS.c.id).where(*mine))
                if found.scalar() is None:
                    return False
                if values:
                    await connection.execute(update(CONFIGS).where(*mine).values(**values))
                    now = self._clock.now()
                    await record(connection, principal, "hardware.change", str(config_id), now)
        except IntegrityError:
            raise _taken() from None
        return True

    @override
    async def remove(self, principal: Principal, config_id: int) -> bool:
        mine = (CONFIGS.c.id == config_id, CONFIGS.c.tenant_id == principal.tenant_id)
        async with self._database.transaction() as connection:
            if not (await connection.execute(delete(CONFIGS).where(*mine))).rowcount:
                return False
            now = self._clock.now()
            await record(connection, principal, "hardware.delete", str(config_id), now)
        return True


def _taken() -> ProblemError:
    return ProblemError(409, "name-taken", "name: there is a hardware profile of that name")
