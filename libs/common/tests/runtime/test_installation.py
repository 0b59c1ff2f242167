from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from lightmill.runtime.clock import SystemClock
from lightmill.runtime.installation.config import InstallationSettings
from lightmill.runtime.installation.install import OtherSecretsError, install
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.migration import require_current
from lightmill.storage.sql.schema.api import TOKENS
from lightmill.testing.containers import MysqlServer, RabbitServer, S3Server

CLOCK = SystemClock()
WORD = "a-long-enough-passw0rd"


async def rows(database: Database, table: Any) -> list[Any]:  # noqa: ANN401  # a Table
    async with database.reading() as connection:
        return list((await connection.execute(select(table))).all())


async def test_a_farm_on_sqlite_needs_no_accounts(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/farm.db"
    settings = InstallationSettings(database_url=url, token_folder=tmp_path)
    await install(settings, CLOCK)
    database = Database.open(url)
    await require_current(database)
    assert len(await rows(database, TOKENS)) == 2
    await database.close()


@pytest.mark.backing
async def test_everything_at_once_twice(
    mysql_server: MysqlServer,
    mysql_database: Database,
    rabbitmq_server: RabbitServer,
    s3_server: S3Server,
    tmp_path: Path,
) -> None:
    word = SecretStr(WORD)
    settings = InstallationSettings(
        database_url=mysql_server.url(mysql_database.url.database or ""),
        database_password=SecretStr(mysql_server.password),
        database_api_password=word,
        database_scheduler_password=word,
        database_analyzer_password=word,
        amqp_url=rabbitmq_server.url,
        amqp_password=SecretStr(rabbitmq_server.password),
        amqp_api_password=word,
        amqp_scheduler_password=word,
        amqp_analyzer_password=word,
        amqp_node_password=word,
        management_url=rabbitmq_server.management,
        s3_endpoint=s3_server.endpoint,
        s3_access_key=SecretStr(s3_server.access_key),
        s3_secret_key=SecretStr(s3_server.secret_key),
        token_folder=tmp_path,
    )
    await install(settings, CLOCK)
    await install(settings, CLOCK)
    assert len(await rows(mysql_database, TOKENS)) == 2


@pytest.mark.backing
async def test_a_database_with_other_secrets_says_what_to_do(
    mysql_server: MysqlServer, mysql_database: Database, tmp_path: Path
) -> None:
    settings = InstallationSettings(
        database_url=mysql_server.url(mysql_database.url.database or ""),
        database_password=SecretStr("of-another-farm"),
        database_api_password=SecretStr(WORD),
        database_scheduler_password=SecretStr(WORD),
        database_analyzer_password=SecretStr(WORD),
        token_folder=tmp_path,
    )
    with pytest.raises(OtherSecretsError, match="make down ERASE=1") as raised:
        await install(settings, CLOCK)
    assert "of-another-farm" not in str(raised.value)
