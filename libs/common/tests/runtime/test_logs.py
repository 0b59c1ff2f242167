import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from lightmill.runtime import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Give what is logged; put logging back as it was."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    stream = io.StringIO()
    logs.configure("scheduler", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_service_level_time_and_bound_ids(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(job_id="j1"):
        structlog.get_logger("lightmill.x").info("assigned", frames=3)
    (line,) = lines(stream)
    assert line.pop("timestamp")
    assert line == {
        "service": "scheduler",
        "message": "assigned",
        "level": "info",
        "logger": "lightmill.x",
        "job_id": "j1",
        "frames": 3,
    }


def test_libraries_that_use_logging_carry_the_ids_too(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(job_id="j1"):
        logging.getLogger("sqlalchemy").warning("slow %s", "query")
    (line,) = lines(stream)
    assert (line["message"], line["job_id"], line["service"]) == ("slow query", "j1", "scheduler")


def test_an_exception_is_one_line_with_its_traceback(stream: io.StringIO) -> None:
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        structlog.get_logger("x").exception("failed")
    (line,) = lines(stream)
    assert "ZeroDivisionError: division by zero" in str(line["exception"])


def test_debug_is_left_out_at_level_info(stream: io.StringIO) -> None:
    structlog.get_logger("x").debug("nothing")
    assert lines(stream) == []


def test_an_http_client_does_not_write_its_urls(stream: io.StringIO) -> None:
    logging.getLogger("httpx2").info("PUT %s", "http://s3/image.png?signature=secret")
    assert not stream.getvalue()
