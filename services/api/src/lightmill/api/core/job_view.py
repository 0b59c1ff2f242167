"""How a job's standing is told to people."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from lightmill.domain.states import JobState

PAUSED = "PAUSED"
_FINISHED = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a job stands; the document of the status cache. Times are RFC 3339.

    Attributes:
        progress: 0 to 1, running frames included.
        result_key: Object name of the first image, if there is one.
        version: Of the scheduler's row; 0 while there is none.
    """

    job_id: str
    tenant_id: str
    owner_id: str
    state: JobState
    paused: bool
    frames: int
    succeeded: int
    failed: int
    running: int
    progress: float
    error: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    updated_at: str
    result_key: str | None

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self | None:
        """Return the standing in a cached document, or None when it is not one."""
        try:
            values = {name: document[name] for name in cls.__dataclass_fields__}
            values["state"] = JobState(values["state"])
        except (KeyError, ValueError):
            return None
        return cls(**values)

    def document(self) -> dict[str, object]:
        """Return the standing as it is cached."""
        return {**asdict(self), "state": str(self.state)}

    @property
    def finished(self) -> bool:
        """Whether no frame will be rendered any more unless somebody asks again."""
        return self.state in _FINISHED

    @property
    def shown(self) -> str:
        """The state for `/api/v1`: PAUSED while a pause holds and work is left."""
        return PAUSED if self.paused and not self.finished else str(self.state)

    @property
    def seed_state(self) -> str:
        """The state for `GET /jobs/{id}`, which knows neither pause nor cancellation."""
        return str(JobState.FAILED if self.state is JobState.CANCELLED else self.state)

    @property
    def seed_error(self) -> str | None:
        """The error for `GET /jobs/{id}`."""
        return "cancelled" if self.state is JobState.CANCELLED else self.error


def status_key(job_id: str) -> str:
    """Return the name of a job's standing in the status cache."""
    return f"job:{job_id}"


def ask_key(job_id: str) -> str:
    """Return the name, in the status cache, of what was asked of a job."""
    return f"ask:{job_id}"
