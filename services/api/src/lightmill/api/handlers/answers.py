"""What the api answers, for its OpenAPI document; a test holds the answers to it.

The routes build their answers as plain dictionaries: validating each answer again would cost a
status read more than making it.
"""

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Item = TypeVar("Item")


class Answer(BaseModel):
    """Root of what is answered: no field that is not listed."""

    model_config = ConfigDict(extra="forbid")


class Page(Answer, Generic[Item]):
    """A part of a list; `next` is the cursor of the following part, null at the end."""

    items: list[Item]
    next: str | None


class Made(Answer):
    """The id of a new job."""

    id: str


class SubTaskSeen(Answer):
    """Seed 003: what one sub-task of a sweep asks for."""

    prompt: str
    variables: dict[str, str | int | float | bool]


class SweepMade(Answer):
    """Seed 003's answer to a sweep; `id` and `status` are null where it was only counted."""

    id: str | None
    status: str | None
    name: str
    priority: int
    totalImages: int  # noqa: N815  # the seed's spelling
    makeApiQueue: str | None  # noqa: N815  # the seed's spelling
    first: list[SubTaskSeen] = Field(description="The first sub-tasks")


class OpenJdStep(Answer):
    """A step of a template, and how many tasks it has."""

    name: str
    tasks: int


class OpenJdMade(Made):
    """A new Open Job Description job; frames are its tasks, numbered through its steps."""

    steps: list[OpenJdStep]


class JobMade(Answer):
    """Seed 000's answer to `POST /jobs`."""

    jobId: str  # noqa: N815  # the seed's spelling


class DesignJobSeen(Answer):
    """Seed 000's answer to `GET /jobs/{jobId}`."""

    jobId: str  # noqa: N815  # the seed's spelling
    status: str = Field(examples=["PENDING", "PROCESSING", "COMPLETED", "FAILED"])
    resultUrl: str | None  # noqa: N815  # the seed's spelling
    createdAt: datetime  # noqa: N815  # the seed's spelling
    startedAt: datetime | None  # noqa: N815  # the seed's spelling
    updatedAt: datetime  # noqa: N815  # the seed's spelling
    error: str | None


class FrameCounts(Answer):
    """How many frames of a job stand where."""

    total: int
    succeeded: int
    failed: int
    running: int


class JobListed(Answer):
    """A job in a list."""

    id: str
    name: str
    kind: str = Field(examples=["scene", "design", "simulated"])
    state: str = Field(examples=["PENDING", "PROCESSING", "PAUSED", "COMPLETED"])
    progress: float = Field(description="0 to 1, running frames included")
    frames: FrameCounts
    error: str | None
    priority: int
    pool: str
    owner_id: str
    user_label: str
    bundle_id: str | None
    design_id: str | None
    version: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime


class NeedsAsked(Answer):
    """What each task reserves; without cores and ram, the whole machine."""

    cores: int | None
    ram: int | None
    gpus: int
    vram: int
    vendor: str | None
    disk: int
    version: str | None
    os: str | None
    pool: str | None
    tags: list[str]
    sandbox: str | None
    hardware_config_ids: list[int]


class AfterStepAsked(Answer):
    """A step that another waits for."""

    step: str
    must_succeed: bool
    each: bool


class AfterJobAsked(Answer):
    """A job that another waits for."""

    job_id: str
    must_succeed: bool


class StepAsked(Answer):
    """Frames of a job that are rendered alike; null: as for the whole job.

    A chunk of null is as long as measured times suggest.
    """

    name: str
    frames: str = Field(examples=["1-49,51-100"])
    order: str = Field(examples=["given", "ascending", "descending", "bisection"])
    chunk: int | None
    after: list[AfterStepAsked]
    approval: bool
    engine: str | None
    scene: str | None
    needs: NeedsAsked | None


class JobSeen(JobListed):
    """A job, what it asks, and the URL of its first image."""

    engine: str
    scene: str | None
    settings: dict[str, Any]
    steps: list[StepAsked]
    needs: NeedsAsked
    hardware_config_id: int | None = Field(description="Of the machine that it was given last")
    limits: list[str]
    after: list[AfterJobAsked]
    deadline: datetime | None
    failure_budget: int | None
    approved: bool
    paused: bool
    result_url: str | None


class Reprioritised(Answer):
    """A job's new priority; `version` is its new ETag."""

    id: str
    priority: int
    version: int


class Accepted(Answer):
    """What was taken down; the scheduler does it."""

    id: str
    accepted: str = Field(examples=["cancel"])


class TaskSeen(Answer):
    """What a node was given of a job."""

    id: str
    step_id: str
    frames: list[int]
    state: str
    node_id: str
    attempt_id: str
    progress: float
    remaining_seconds: float | None = Field(
        description="Of what runs, when the rest goes as fast as what is done"
    )
    failures: int
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class AttemptSeen(Answer):
    """One try of a task on one node."""

    id: str
    task_id: str
    step_id: str
    node_id: str
    session: str
    epoch: int
    state: str
    cores: int
    ram: int
    gpus: list[int]
    failure: str | None
    detail: str | None
    assigned_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class ResultSeen(Answer):
    """One image, or film, or that a frame is done which was to leave no file."""

    frame: int
    ordinal: int
    step_id: str
    step: str = Field(description="Name of the step", examples=["frames"])
    name: str = Field(description="Of its file; empty for none", examples=["0001.png"])
    attempt_id: str
    node_id: str
    blake3: str
    size: int
    width: int
    height: int
    media_type: str
    seconds: float
    peak_ram: int | None = Field(description="Most bytes that the engine held until its end")
    samples: int | None = Field(description="Samples a pixel, where the engine says")
    engine: str | None = Field(examples=["blender 4.5.15 LTS"])
    created_at: datetime
    url: str | None = Field(description="None: the frame was to leave no file")
    thumbnail_url: str | None


class TransitionSeen(Answer):
    """One line of a job's history."""

    id: str
    entity: str
    entity_id: str
    was: str | None
    became: str
    why: str
    by: str
    at: datetime


class FrameSeen(Answer):
    """One frame, in seed 002's words; `node` is its workerId."""

    number: int
    status: str = Field(examples=["PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"])
    progress: float
    node: str | None
    startedAt: datetime | None  # noqa: N815  # the seed's spelling
    completedAt: datetime | None  # noqa: N815  # the seed's spelling
    retryCount: int  # noqa: N815  # the seed's spelling
    error: str | None
    resultUrl: str | None  # noqa: N815  # the seed's spelling


class FramePage(Answer):
    """Some frames of a job, in the order in which they are rendered."""

    items: list[FrameSeen]
    total: int
    offset: int


class TaskMade(Answer):
    """Seed 004's task."""

    id: str
    task_id: str
    status: str
    renderer: str
    frames: str
    frame_count: int
    test_frames: str | None
    stop_after_test: bool
    priority: int
    ram: float | None
    gpu_count: int
    hardware_config_id: int | None
    createdAt: datetime  # noqa: N815  # the seed's spelling


class TaskStatus(Answer):
    """Seed 002's status, with a page of frames."""

    id: str
    status: str
    progress: float
    createdAt: datetime  # noqa: N815  # the seed's spelling
    startedAt: datetime | None  # noqa: N815  # the seed's spelling
    updatedAt: datetime  # noqa: N815  # the seed's spelling
    error: str | None
    hardware_config_id: int | None
    frames: list[FrameSeen]
    totalFrames: int  # noqa: N815  # the seed's spelling
    offset: int
    bytesFreed: int  # noqa: N815  # the seed's spelling


class CleanupAccepted(Accepted):
    """What has been freed so far, and whether every node that is online has told; ask again."""

    bytesFreed: int  # noqa: N815  # the seed's spelling
    complete: bool


def told(model: Any, status: int = 200) -> dict[str, Any]:  # noqa: ANN401  # a model's type
    """Return what a route says of its answer, for its decorator."""
    return {"response_model": None, "status_code": status, "responses": {status: {"model": model}}}
