"""One frame by Celery: an endpoint that INSERTs and delays, a worker that UPDATEs and spawns.

Served by `uvicorn celery_first_frame:web`, worked by `celery --app celery_first_frame worker`, in
the environment of the peers. Both are told by the environment where everything is.
"""

import json
import os
import subprocess
import uuid
from pathlib import Path

from celery import Celery
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import Column, DateTime, MetaData, String, Table, create_engine, func

MARKS = Path(os.environ["PEER_MARKS"])  # noqa: TID251  # its only settings
PROGRAMS = json.loads(os.environ["PEER_PROGRAMS"])  # noqa: TID251  # likewise
SCRATCH = os.environ["PEER_SCRATCH"]  # noqa: TID251  # likewise
JOBS = Table(
    "celery_jobs",
    MetaData(),
    Column("id", String(36), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("frames", String(255), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("started_at", DateTime),
)

database = create_engine(
    os.environ["PEER_DATABASE"],  # noqa: TID251  # likewise
    isolation_level="READ COMMITTED",
)
app = Celery("peer", broker=os.environ["PEER_BROKER"])  # noqa: TID251  # likewise
app.conf.task_ignore_result = True
app.conf.task_default_queue = "celery_first_frame"
web = FastAPI()


class Ask(BaseModel):
    """What a client posts; `program` is one of those that the worker was told of."""

    name: str
    frames: str
    program: str


@web.get("/readyz")
def ready() -> dict[str, str]:
    """Make the table if it is not there."""
    JOBS.metadata.create_all(database)
    return {"status": "ready"}


@web.post("/jobs", status_code=201)
def submit(ask: Ask) -> dict[str, str]:
    """Write the row, and hand the job to a worker."""
    job_id = str(uuid.uuid4())
    row = {"id": job_id, "name": ask.name, "frames": ask.frames, "state": "PENDING"}
    with database.begin() as connection:
        connection.execute(JOBS.insert().values(**row, created_at=func.now(6)))
    render.delay(job_id, ask.program)
    return {"id": job_id}


@app.task
def render(job_id: str, program: str) -> None:
    """Note that it runs, and run one frame in a process of its own."""
    with database.begin() as connection:
        change = JOBS.update().where(JOBS.c.id == job_id)
        connection.execute(change.values(state="RUNNING", started_at=func.now(6)))
    launch = {"scratch": SCRATCH, "settings": {}}
    frame = {"frame": 1, "output": f"{SCRATCH}/0001.png"}
    done = subprocess.run(  # noqa: S603  # the benchmark's own command line
        [part.replace("{parent}", str(os.getpid())) for part in PROGRAMS[program]],
        input=f"{json.dumps(launch)}\n{json.dumps(frame)}\n".encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    mark = MARKS / job_id
    mark.with_suffix(".part").write_bytes(done.stderr)
    mark.with_suffix(".part").rename(mark)
