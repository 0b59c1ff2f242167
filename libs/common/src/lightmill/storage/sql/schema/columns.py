"""Column types that mean the same in MySQL and in SQLite."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeDecorator, TypeEngine
from typing_extensions import override

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """A moment in UTC with microseconds; aware in Python, naive in the database."""

    impl = DateTime
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    @override
    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


IDENTIFIER = String(36).with_variant(
    mysql.VARCHAR(36, charset="ascii", collation="ascii_bin"), "mysql"
)
"""A UUIDv7 in its usual spelling: it sorts by age, and a person can paste it."""

KEYWORD = String(32).with_variant(
    mysql.VARCHAR(32, charset="ascii", collation="ascii_bin"), "mysql"
)
"""A state, a kind, a role."""

HASH = String(64).with_variant(mysql.VARCHAR(64, charset="ascii", collation="ascii_bin"), "mysql")
OBJECT_KEY = String(512).with_variant(mysql.VARCHAR(512, collation="utf8mb4_bin"), "mysql")
NAME = String(255).with_variant(mysql.VARCHAR(255, collation="utf8mb4_bin"), "mysql")
SERIAL = BigInteger().with_variant(Integer(), "sqlite")
LONG_TEXT = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")
BODY = LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql")
DOCUMENT = JSON()
MOMENT = Utc()


def outbox_columns() -> tuple[Column[object], ...]:
    """Return the columns of an outbox: one row is one effect that leaves after its commit.

    `effect` is `publish` (exchange, routing_key, kind, mandatory, headers, body) or `status`
    (routing_key is the cache key, version its version, body the JSON document).
    """
    return (
        Column("id", SERIAL, primary_key=True, autoincrement=True),
        Column("effect", KEYWORD, nullable=False),
        Column("exchange", NAME, nullable=False),
        Column("routing_key", NAME, nullable=False),
        Column("kind", NAME, nullable=False),
        Column("mandatory", Integer, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("headers", DOCUMENT, nullable=False),
        Column("body", BODY, nullable=False),
        Column("created_at", MOMENT, nullable=False),
    )
