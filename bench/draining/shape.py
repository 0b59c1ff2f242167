"""The workload: OpenCue's published stress shape, as jobs that the api has written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

from lightmill.broker.ports import Outgoing
from lightmill.domain.frames import FrameSet
from lightmill.domain.job import JobSpec, StepSpec, Work
from lightmill.domain.resources import GIB, Needs
from lightmill.messages.job_wanted import JobWanted
from lightmill.runtime.clock import SystemClock
from lightmill.runtime.ids import new_id
from lightmill.storage.sql import bulk
from lightmill.storage.sql.database import Database
from lightmill.storage.sql.schema.api import JOBS

ENGINE = "simulated"
CORES = 8
RAM = 16 * GIB
_TENANT, _OWNER = "tenant", "owner"
_SPEC = TypeAdapter(JobSpec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much of what; every job needs one of the tags, and every node carries one.

    Attributes:
        chunk: Frames of one task; None leaves it to the farm, as it is for jobs that say nothing.
    """

    nodes: int = 1200
    jobs: int = 300
    layers: int = 4
    frames: int = 5
    tags: int = 8
    chunk: int | None = 1

    @property
    def total(self) -> int:
        """Return the number of frames."""
        return self.jobs * self.layers * self.frames

    def tag(self, number: int) -> str:
        """Return the tag of the job or node with this number."""
        return f"tag{number % self.tags}"


async def submit(database: Database, shape: Shape) -> Sequence[Outgoing]:
    """Write the rows of the jobs, and return the doorbells that are to be rung."""
    jobs = rows(shape)
    async with database.transaction() as connection:
        await bulk.add(connection, JOBS, jobs)
    return [_doorbell(str(row["id"])) for row in jobs]


def rows(shape: Shape) -> list[dict[str, object]]:
    """Return the rows of the jobs."""
    now = SystemClock().now()
    return [_row(shape, number, now) for number in range(shape.jobs)]


def _doorbell(job_id: str) -> Outgoing:
    wanted = JobWanted(job_id=job_id, version=1)
    kind = JobWanted.routing_key
    return Outgoing(exchange=wanted.exchange, key=kind, kind=kind, body=wanted.body())


def _row(shape: Shape, number: int, now: datetime) -> dict[str, object]:
    frames = FrameSet.parse(f"1-{shape.frames}")
    spec = JobSpec(
        work=Work(engine=ENGINE),
        steps=tuple(
            StepSpec(name=f"layer {n}", frames=frames, chunk=shape.chunk)
            for n in range(shape.layers)
        ),
        needs=Needs(cores=1, ram=GIB, tags=(shape.tag(number),)),
    )
    moment = now.astimezone(UTC) + timedelta(microseconds=number)
    return {
        "id": new_id(),
        "tenant_id": _TENANT,
        "owner_id": _OWNER,
        "user_label": "",
        "name": f"job {number}",
        "kind": "simulated",
        "pool": "default",
        "spec": _SPEC.dump_python(spec, mode="json"),
        "frame_count": spec.frame_count,
        "wanted": "RUN",
        "paused": False,
        "priority": 1,
        "retries_wanted": 0,
        "cleanups_wanted": 0,
        "version": 1,
        "created_at": moment,
        "updated_at": moment,
    }
