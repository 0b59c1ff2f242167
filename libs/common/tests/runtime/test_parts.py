import pytest
from pydantic import SecretStr

from lightmill.messages.job_wanted import JobWanted
from lightmill.messages.topology import SCHEDULER_INBOX
from lightmill.runtime.ids import new_id
from lightmill.runtime.installation.bucket import prepare_bucket
from lightmill.runtime.parts import PartMissingError, broker, object_store, real_parts
from lightmill.runtime.settings import Settings
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.outbox import Publish, put
from lightmill.storage.sql.parcel import SetStatus
from lightmill.storage.sql.relay import Relay
from lightmill.storage.sql.schema import api
from lightmill.testing.containers import MysqlServer, RabbitServer, RedisServer, S3Server
from lightmill.testing.queues import empty_queues


@pytest.fixture
async def settings(
    mysql_server: MysqlServer,
    mysql_database: Database,
    rabbitmq_server: RabbitServer,
    redis_server: RedisServer,
    s3_server: S3Server,
) -> Settings:
    await empty_queues(rabbitmq_server)
    return Settings(
        database_url=mysql_server.url(mysql_database.url.database or ""),
        database_password=SecretStr(mysql_server.password),
        amqp_url=rabbitmq_server.url,
        amqp_password=SecretStr(rabbitmq_server.password),
        redis_url=redis_server.url,
        redis_password=SecretStr(redis_server.password),
        s3_endpoint=s3_server.endpoint,
        s3_access_key=SecretStr(s3_server.access_key),
        s3_secret_key=SecretStr(s3_server.secret_key),
        s3_bucket="parts",
    )


@pytest.mark.backing
async def test_an_effect_travels_from_its_commit_to_every_real_part(settings: Settings) -> None:
    wanted, key = JobWanted(job_id="j", version=1), f"job:{new_id()}"
    async with real_parts(settings) as parts, parts.broker.connect("test") as link:
        inbox = await link.subscribe(SCHEDULER_INBOX)
        async with parts.database.transaction() as connection:
            message, status = Publish(wanted, headers={"x": "1"}), SetStatus(key, 1, {"a": 1})
            await put(connection, api.OUTBOX, [message, status], parts.clock.now())
        relay = Relay(parts.database, api.OUTBOX, parts.cache, parts.clock, shared=True)
        assert await relay.carry(link) == 2
        (delivery,) = await inbox.receive(10)
        assert (delivery.kind, delivery.body) == (wanted.routing_key, wanted.body())
        assert delivery.headers["x"] == "1"
        await inbox.settle(delivery)
        assert await parts.cache.get(key) == {"a": 1}
        assert await relay.carry(link) == 0


@pytest.mark.backing
async def test_the_object_store_is_the_one_of_the_settings(
    settings: Settings, s3_server: S3Server
) -> None:
    await prepare_bucket(
        endpoint=s3_server.endpoint,
        access_key=s3_server.access_key,
        secret_key=s3_server.secret_key,
        region=settings.s3_region,
        bucket=settings.s3_bucket,
        origins=["*"],
    )
    store = object_store(settings)
    await store.put("a/b", b"x", "text/plain")
    assert await store.get("a/b") == b"x"


async def test_what_is_not_set_is_named() -> None:
    with pytest.raises(PartMissingError, match="LIGHTMILL_AMQP_URL"):
        broker(Settings())
    with pytest.raises(PartMissingError, match="LIGHTMILL_S3_ENDPOINT"):
        object_store(Settings())
    with pytest.raises(PartMissingError, match="LIGHTMILL_DATABASE_URL"):
        async with real_parts(Settings()):
            pass
