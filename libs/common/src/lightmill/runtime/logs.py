"""Logs as JSON lines on stdout, each with the ids that are bound where it is written.

Bind ids with `structlog.contextvars.bound_contextvars(job_id=…)`; whatever is logged below,
by structlog or by a library through `logging`, carries them.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import Processor

_LOUD = ("aiormq", "aio_pika", "urllib3", "asyncio", "uvicorn.access", "httpx2")


def configure(service: str, *, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log of this process to stdout as JSON, under the name of `service`.

    Args:
        service: Stands in each line as `service`.
        level: Least level that is written, such as `INFO`.
        stream: Where the lines go instead of stdout.
    """

    def name_service(_: object, __: str, event: structlog.typing.EventDict) -> dict[str, object]:
        return {"service": service, **event}

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_service,
    ]
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_formatter(shared))
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    # It repeats MySQL's notes, such as that an account to be made if missing is not missing.
    logging.getLogger("asyncmy").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _formatter(shared: list[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(default=str),
        ],
    )
