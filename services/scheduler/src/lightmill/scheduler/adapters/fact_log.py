"""Every fact in a file that turns over, so that a night on a real farm can be replayed."""

from datetime import datetime
from logging import LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pydantic import TypeAdapter

from lightmill.scheduler.core.facts import Fact

_FACT: TypeAdapter[Fact] = TypeAdapter(Fact)
_SIZE = 64 * 2**20
_FILES = 8


class FactLog:
    """One JSON line for each fact: when it was taken in, what kind it is, and what it says."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = RotatingFileHandler(path, maxBytes=_SIZE, backupCount=_FILES, delay=True)

    def __call__(self, fact: Fact, now: datetime) -> None:
        """Append `fact`."""
        kind = type(fact).__name__
        line = f'{{"at":"{now.isoformat()}","{kind}":{_FACT.dump_json(fact).decode()}}}'
        self._file.emit(LogRecord("facts", 0, "", 0, line, None, None))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
