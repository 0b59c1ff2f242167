import asyncio
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aio_pika
import minio
import pytest
import urllib3
from aiormq.exceptions import ChannelAccessRefused
from pydantic import SecretStr
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from yarl import URL

from lightmill.broker.ports import LinkLostError, Outgoing
from lightmill.broker.rabbitmq import RabbitMQ, declare_topology
from lightmill.messages import topology
from lightmill.runtime.clock import SystemClock
from lightmill.runtime.installation.bucket import prepare_bucket
from lightmill.runtime.installation.config import InstallationSettings
from lightmill.runtime.installation.install import install
from lightmill.runtime.installation.rabbitmq import RIGHTS, Management, ManagementError
from lightmill.runtime.installation.tokens import TokenFileError, first_tokens
from lightmill.runtime.tokens import digest, parse, verify
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.grants import OWNERS, grant, owned
from lightmill.storage.sql.migration import require_current
from lightmill.storage.sql.schema import METADATA
from lightmill.storage.sql.schema.api import TENANTS, TOKENS, USERS
from lightmill.testing.containers import MysqlServer, RabbitServer, S3Server

CLOCK = SystemClock()
WORD = "a-long-enough-passw0rd"


async def rows(database: Database, table: Any) -> list[Any]:  # noqa: ANN401  # a Table
    async with database.reading() as connection:
        return list((await connection.execute(select(table))).all())


async def http(method: str, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    return await asyncio.to_thread(urllib3.request, method, url, headers=headers)


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


async def test_a_farm_on_sqlite_needs_no_accounts(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/farm.db"
    settings = InstallationSettings(database_url=url, token_folder=tmp_path)
    await install(settings, CLOCK)
    database = Database.open(url)
    await require_current(database)
    assert len(await rows(database, TOKENS)) == 2
    await database.close()


def test_every_table_has_one_owner() -> None:
    tables = [table for module in OWNERS.values() for table in owned(module)]
    assert sorted(tables) == sorted(METADATA.tables)


@pytest.mark.backing
@pytest.mark.parametrize("account", OWNERS)
async def test_a_service_writes_its_tables_reads_the_others_and_changes_no_schema(
    mysql_server: MysqlServer, mysql_database: Database, account: str
) -> None:
    await grant(mysql_database, account, WORD)
    await grant(mysql_database, account, WORD)
    schema = mysql_database.url.database or ""
    database = Database.open(mysql_server.url(schema, account), WORD)

    async def allowed(statement: Any) -> bool:  # noqa: ANN401  # any SQLAlchemy statement
        try:
            async with database.transaction() as connection:
                await connection.execute(statement)
        except SQLAlchemyError as error:
            assert "denied" in str(error)  # noqa: PT017  # any other error is a failed test
            return False
        return True

    await require_current(database)
    mine = owned(OWNERS[account])
    for name, table in METADATA.tables.items():
        column = table.columns[0]
        assert await allowed(select(table))
        assert await allowed(delete(table)) == (name in mine)
        assert await allowed(update(table).values({column: column})) == (name in mine)
        nothing = select(table).where(text("1 = 0"))
        assert await allowed(insert(table).from_select(table.c.keys(), nothing)) == (name in mine)
    for statement in ("CREATE TABLE t (id INT)", "DROP TABLE jobs", "SELECT * FROM mysql.user"):
        assert not await allowed(text(statement))
    await database.close()


@pytest.mark.backing
async def test_granting_again_changes_the_password(
    mysql_server: MysqlServer, mysql_database: Database
) -> None:
    await grant(mysql_database, "lightmill_api", WORD)
    await grant(mysql_database, "lightmill_api", "another-passw0rd")
    url = mysql_server.url(mysql_database.url.database or "", "lightmill_api")
    old, new = Database.open(url, WORD), Database.open(url, "another-passw0rd")
    assert await rows(new, TENANTS) == []
    with pytest.raises(SQLAlchemyError, match="denied"):
        await rows(old, TENANTS)
    await old.close()
    await new.close()


@pytest.mark.backing
async def test_the_bucket_is_made_once_with_cors_and_tidied(s3_server: S3Server) -> None:
    for _ in range(2):
        await prepare_bucket(
            endpoint=s3_server.endpoint,
            access_key=s3_server.access_key,
            secret_key=s3_server.secret_key,
            region="us-east-1",
            bucket="prepared",
            origins=["https://farm.example"],
        )
    client = minio.Minio(
        endpoint=s3_server.endpoint.removeprefix("http://"),
        access_key=s3_server.access_key,
        secret_key=s3_server.secret_key,
        region="us-east-1",
        secure=False,
    )
    config = client.get_bucket_lifecycle(bucket_name="prepared")
    assert config is not None
    (rule,) = config.rules
    assert rule.abort_incomplete_multipart_upload is not None
    assert rule.abort_incomplete_multipart_upload.days_after_initiation == 2
    url = client.get_presigned_url(method="PUT", bucket_name="prepared", object_name="a/b")
    asked = {"Origin": "https://farm.example", "Access-Control-Request-Method": "PUT"}
    answer = await http("OPTIONS", url, asked)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://farm.example"
    other = await http("OPTIONS", url, asked | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.backing
async def test_a_wrong_secret_makes_no_bucket(s3_server: S3Server) -> None:
    with pytest.raises(minio.error.S3Error):
        await prepare_bucket(
            endpoint=s3_server.endpoint,
            access_key=s3_server.access_key,
            secret_key="a-wrong-secret-key",  # noqa: S106  # that is the test
            region="us-east-1",
            bucket="refused",
            origins=["*"],
        )


@pytest.fixture
async def accounts(rabbitmq_server: RabbitServer) -> Mapping[str, RabbitMQ]:
    """Give a broker as each account sees it."""
    management = Management(
        rabbitmq_server.management, rabbitmq_server.user, rabbitmq_server.password, "lightmill"
    )
    for _ in range(2):
        await management.prepare(dict.fromkeys(RIGHTS, WORD))
    await declare_topology(rabbitmq_server.url, rabbitmq_server.password)
    url = URL(rabbitmq_server.url)
    return {account: RabbitMQ(str(url.with_user(account)), WORD) for account in RIGHTS}


READS = {
    "lightmill_api": topology.events_queue("api.1", "job.#"),
    "lightmill_scheduler": topology.reports_queue(7),
    "lightmill_analyzer": topology.ANALYZER_INBOX,
    "lightmill_node": topology.session_queue("n", "s"),
}
WRITES = {
    "lightmill_api": {topology.COMMANDS, topology.DEAD},
    "lightmill_scheduler": {topology.NODES, topology.REPORTS, topology.EVENTS, topology.DEAD},
    "lightmill_analyzer": {topology.EVENTS, topology.DEAD},
    "lightmill_node": {topology.REPORTS},
}


@pytest.mark.backing
@pytest.mark.parametrize("account", RIGHTS)
async def test_an_account_writes_where_its_service_writes_and_nowhere_else(
    accounts: Mapping[str, RabbitMQ], account: str
) -> None:
    written = set()
    for exchange in topology.EXCHANGES:
        async with accounts[account].connect("test") as link:
            message = Outgoing(exchange=exchange.name, key="k", kind="k", body=b"{}")
            try:
                await link.publish([message])
            except LinkLostError:
                continue
            written.add(exchange.name)
    assert written == WRITES[account]


@pytest.mark.backing
@pytest.mark.parametrize("account", RIGHTS)
async def test_an_account_reads_its_queues_and_no_other(
    accounts: Mapping[str, RabbitMQ], account: str
) -> None:
    queues = [*READS.values(), topology.SCHEDULER_INBOX, topology.DEAD_LETTERS]
    readable = set()
    for queue in queues:
        async with accounts[account].connect("test") as link:
            try:
                await link.subscribe(queue)
            except LinkLostError:
                continue
            readable.add(queue.name)
    also = {topology.SCHEDULER_INBOX.name} if account == "lightmill_scheduler" else set()
    assert readable == {READS[account].name} | also


@pytest.mark.backing
async def test_a_node_cannot_listen_to_reports_or_events(
    rabbitmq_server: RabbitServer, accounts: Mapping[str, RabbitMQ]
) -> None:
    """Not even by a queue whose name it may choose."""
    assert accounts
    url = URL(rabbitmq_server.url).with_user("lightmill_node").with_password(WORD)
    for exchange in (topology.REPORTS, topology.EVENTS, topology.COMMANDS, topology.DEAD):
        connection = await aio_pika.connect(url)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("node.spy", exclusive=True)
            with pytest.raises(ChannelAccessRefused):
                await queue.bind(exchange, "#")


@pytest.mark.backing
async def test_durable_queues_have_no_delivery_limit(
    rabbitmq_server: RabbitServer, accounts: Mapping[str, RabbitMQ]
) -> None:
    assert accounts
    auth = f"{rabbitmq_server.user}:{rabbitmq_server.password}"
    for queue in topology.DURABLE_QUEUES:
        url = f"{rabbitmq_server.management}/api/queues/lightmill/{queue.name}"
        found = (await http("GET", url, urllib3.make_headers(basic_auth=auth))).json()
        assert (found["type"], found["durable"]) == ("quorum", True)
        assert found["arguments"]["x-delivery-limit"] == -1


@pytest.mark.backing
async def test_a_wrong_administrator_is_told(rabbitmq_server: RabbitServer) -> None:
    management = Management(rabbitmq_server.management, "lightmill_setup", "wrong", "lightmill")
    with pytest.raises(ManagementError, match="401"):
        await management.prepare({})


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
