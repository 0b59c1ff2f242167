"""Fixtures that every member of the workspace shares."""

from lightmill.testing.blender import blender_python, run_blender
from lightmill.testing.containers import (
    docker_engine,
    mysql_server,
    rabbitmq_server,
    redis_server,
    s3_server,
)
from lightmill.testing.databases import (
    database,
    mysql_database,
    mysql_schema,
    sqlite_database,
    sqlite_template,
)

__all__ = [
    "blender_python",
    "database",
    "docker_engine",
    "mysql_database",
    "mysql_schema",
    "mysql_server",
    "rabbitmq_server",
    "redis_server",
    "run_blender",
    "s3_server",
    "sqlite_database",
    "sqlite_template",
]
