"""Fixtures that all members of the workspace share; how properties are tried, errors told."""

import structlog
from hypothesis import HealthCheck, settings

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

# How busy a machine is says nothing about a property, and nothing about how it is tried.
settings.register_profile("lightmill", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lightmill")

# Without the locals of every frame: of a whole farm those take seconds, in which nothing goes on.
_plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*structlog.get_config()["processors"][:-1], _plain])
