"""The scheduler's settings."""

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from lightmill.runtime.settings import Settings


class SchedulerSettings(Settings):
    """What can be set of a scheduler.

    Attributes:
        beat: Seconds between two reports of a node, up to 500 nodes; more nodes, longer beats.
        heartbeat_interval: What seed 003 calls the beat, in milliseconds; over `beat`.
        sweep: Seconds between two looks at what is wanted and not applied.
        files_sweep: Seconds between two looks for files that no result needs.
        files_age: Seconds after its end for which an attempt's files are kept in any case.
        health_port: Of /healthz, /readyz and /metrics; 0 turns it off.
        fact_log: File that every fact is appended to; it turns over at 64 MiB, eight are kept.
        name: How this scheduler signs the leadership row; None means its host name.
    """

    beat: float = 1.0
    heartbeat_interval: int | None = Field(default=None, ge=100, le=600_000)
    sweep: float = 30.0
    files_sweep: float = 3600.0
    files_age: float = 86400.0
    health_port: int = 0
    name: str | None = None
    fact_log: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _speak_seed_003(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Let the seed's word stand for the beat; a value that is no number is refused later."""
        milliseconds = str(given.get("heartbeat_interval", ""))
        return given | ({"beat": int(milliseconds) / 1000} if milliseconds.isdecimal() else {})
