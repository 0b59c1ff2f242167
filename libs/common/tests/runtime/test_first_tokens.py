import stat
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from lightmill.runtime.clock import SystemClock
from lightmill.runtime.installation.tokens import TokenFileError, first_tokens
from lightmill.runtime.tokens import digest, parse, verify
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import TENANTS, TOKENS, USERS

CLOCK = SystemClock()


async def rows(database: Database, table: Any) -> list[Any]:  # noqa: ANN401  # a Table
    async with database.reading() as connection:
        return list((await connection.execute(select(table))).all())


class TestFirstTokens:
    async def test_they_are_written_for_their_owner_alone_and_known(
        self, database: Database, tmp_path: Path
    ) -> None:
        tokens = await first_tokens(database, tmp_path / "tokens", CLOCK)
        for name, token in (("admin", tokens.admin), ("enrolment", tokens.enrolment)):
            path = tmp_path / "tokens" / f"{name}.token"
            assert path.read_text().strip() == token
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        (tenant,), (user,) = await rows(database, TENANTS), await rows(database, USERS)
        assert (tenant.name, user.name, user.role) == ("default", "admin", "admin")
        assert len(tenant.content_key) == 64
        by_role = {row.role: row for row in await rows(database, TOKENS)}
        parsed = parse(tokens.admin)
        assert parsed is not None
        assert by_role["admin"].id == parsed.id
        assert verify(parsed.secret, by_role["admin"].secret_sha256)
        assert by_role["enrolment"].tenant_id == tenant.id
        assert tokens.admin not in str(await rows(database, TOKENS))

    async def test_a_second_time_changes_nothing(self, database: Database, tmp_path: Path) -> None:
        first = await first_tokens(database, tmp_path, CLOCK)
        before = [await rows(database, table) for table in (TENANTS, USERS, TOKENS)]
        assert await first_tokens(database, tmp_path, CLOCK) == first
        assert [await rows(database, table) for table in (TENANTS, USERS, TOKENS)] == before

    async def test_a_lost_database_learns_the_same_tokens_again(
        self, database: Database, tmp_path: Path
    ) -> None:
        first = await first_tokens(database, tmp_path, CLOCK)
        async with database.transaction() as connection:
            await connection.execute(delete(TOKENS))
        await first_tokens(database, tmp_path, CLOCK)
        parsed = parse(first.admin)
        assert parsed is not None
        assert digest(parsed.secret) in {r.secret_sha256 for r in await rows(database, TOKENS)}

    async def test_a_file_that_holds_something_else_is_not_overwritten(
        self, sqlite_database: Database, tmp_path: Path
    ) -> None:
        (tmp_path / "admin.token").write_text("mine")
        with pytest.raises(TokenFileError, match=r"admin\.token holds no token; delete it"):
            await first_tokens(sqlite_database, tmp_path, CLOCK)
        assert (tmp_path / "admin.token").read_text() == "mine"
        assert await rows(sqlite_database, USERS) == []
