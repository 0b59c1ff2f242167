"""Every fact in a file that turns over, so that a night on a real farm can be replayed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from logging import LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path

from pydantic import TypeAdapter
from pydantic_core import to_json

from lightmill.scheduler.core.facts import Fact, PolicyChanged
from lightmill.scheduler.use_cases.decide import Turn

_FACT: TypeAdapter[Fact] = TypeAdapter(Fact)
_TURN = TypeAdapter(Turn)
_SIZE = 64 * 2**20
_FILES = 8


class FactLog:
    """One JSON line for each fact, each turn and each take-over: when, which, and what it says."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = RotatingFileHandler(path, maxBytes=_SIZE, backupCount=_FILES, delay=True)
        self._ids: list[str] = []

    def __call__(self, fact: Fact, now: datetime) -> None:
        """Append `fact`."""
        if isinstance(fact, PolicyChanged):
            # Pairs are no keys in JSON; every share says itself whose it is.
            shares = list(fact.policy.shares.values())
            fact = replace(fact, policy=replace(fact.policy, shares={}))
            said = _FACT.dump_python(fact, mode="json")
            self._write(now, "PolicyChanged", to_json({**said, "shares": shares}))
            return
        self._write(now, type(fact).__name__, _FACT.dump_json(fact))

    def took_over(self, jobs: int, beat: float, now: datetime) -> None:
        """Append that a leader begins, which found so many jobs alive."""
        self._write(now, "TookOver", to_json({"jobs": jobs, "beat": beat}))

    def turned(self, turn: Turn, now: datetime) -> None:
        """Append what a turn has done with the facts before it."""
        whole, self._ids = replace(turn, ids=tuple(self._ids)), []
        self._write(now, "Turn", _TURN.dump_json(whole))

    def noting(self, new_id: Callable[[], str]) -> Callable[[], str]:
        """Return what makes the same ids and keeps them for the line of the turn."""

        def noted() -> str:
            made = new_id()
            self._ids.append(made)
            return made

        return noted

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, now: datetime, kind: str, what: bytes) -> None:
        line = f'{{"at":"{now.isoformat()}","{kind}":{what.decode()}}}'
        self._file.emit(LogRecord("facts", 0, "", 0, line, None, None))
