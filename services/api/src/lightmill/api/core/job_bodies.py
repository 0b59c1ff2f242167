"""What clients send to hand in a job, as pydantic reads it."""

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field

from lightmill.api.core.bodies import Body, Files, Frames, Identifier, Name, Priority, Settings
from lightmill.domain.job import DEFAULT_PRIORITY, FrameOrder

_MOST_STEPS = 1000
_MOST_AFTER = 100
_MOST_NAMES = 100
_COLUMNS_BY_ROWS = re.compile(r"(\d{1,3})x(\d{1,3})")
Chunk = Annotated[
    int | None,
    Field(
        ge=1,
        le=10_000,
        description="Frames that a node is given at once; null: as many as measured times suggest",
    ),
]
Names = Annotated[list[Name], Field(max_length=_MOST_NAMES)]


class NeedsBody(Body):
    """What one task reserves; with neither cores nor ram it takes the whole machine."""

    cores: int | None = Field(default=None, ge=1, le=4096)
    ram: int | None = Field(default=None, ge=1, le=2**50, description="Bytes")
    gpus: int = Field(default=0, ge=0, le=64)
    vram: int = Field(default=0, ge=0, le=2**50, description="Bytes of each GPU, at least")
    vendor: str | None = Field(
        default=None, min_length=1, max_length=64, description="Of the GPUs", examples=["nvidia"]
    )
    disk: int = Field(default=0, ge=0, le=2**60, description="Bytes")
    version: str | None = Field(
        default=None,
        pattern=r"^[\w.+-]{1,64}$",
        description="What the engine's version begins with",
        examples=["4.5"],
    )
    os: Literal["linux", "windows", "macos"] | None = None
    tags: Names = Field(default_factory=list, description="All of which the node carries")
    sandbox: Literal["none", "container", "bubblewrap"] | None = Field(
        default=None, description="Least isolation of the engine, where the pool demands no more"
    )
    hardware_config_ids: list[int] = Field(
        default_factory=list,
        max_length=100,
        description="Hardware profiles, one of which the machine has to meet",
    )
    pool: Name | None = None


class TimesBody(Body):
    """Seconds that the engine may take; null means no limit."""

    start: float | None = Field(default=600.0, gt=0)
    frame: float | None = Field(default=None, gt=0)
    silence: float | None = Field(default=3600.0, gt=0)


class RetryBody(Body):
    """How often and how soon a frame is tried again."""

    retries: int = Field(default=3, ge=0, le=100)
    first_wait: float = Field(default=1.0, ge=0, le=3600)
    jitter: float = Field(default=0.1, ge=0, le=1)


class AfterJobBody(Body):
    """A job of the tenant that has to end first."""

    job_id: Identifier
    must_succeed: bool = True


class AfterStepBody(Body):
    """A step of the same job that has to end first; `each`: frame by frame."""

    step: Name
    must_succeed: bool = True
    each: bool = False


class StepBody(Body):
    """Frames that are rendered alike; what is left out is as for the whole job."""

    name: Name = Field(examples=["beauty"])
    frames: Frames
    order: FrameOrder = FrameOrder.GIVEN
    chunk: Chunk = None
    after: list[AfterStepBody] = Field(default_factory=list, max_length=_MOST_AFTER)
    approval: bool = Field(default=False, description="A person releases it")
    engine: Name | None = None
    scene: str | None = Field(default=None, max_length=1024)
    settings: Settings | None = None
    needs: NeedsBody | None = None


class TilesBody(Body):
    """How a frame is cut into tiles, which several machines render."""

    columns: int = Field(ge=1, le=100)
    rows: int = Field(ge=1, le=100)


def _after_job(value: object) -> object:
    return {"job_id": value} if isinstance(value, str) else value


def _tiles(value: object) -> object:
    found = _COLUMNS_BY_ROWS.fullmatch(value) if isinstance(value, str) else None
    return {"columns": int(found[1]), "rows": int(found[2])} if found else value


Tiles = Annotated[TilesBody, BeforeValidator(_tiles)]


class JobBody(Body):
    """A scene to be rendered: `frames` with their test frames, or `steps` of one's own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Shot 12",
                    "engine": "blender",
                    "bundle_id": "0198f6c1-5f0e-7c3a-9b3a-2f1d5f9a7b11",
                    "scene": "shot12.blend",
                    "frames": "1-24",
                    "test_frames": "12",
                    "needs": {"cores": 2, "ram": 4294967296},
                }
            ]
        }
    )

    name: Name
    engine: Name = "blender"
    bundle_id: Identifier | None = None
    files: Files | None = None
    scene: str | None = Field(default=None, max_length=1024)
    frames: Frames | None = None
    order: FrameOrder = Field(
        default=FrameOrder.GIVEN,
        description="In which the frames are handed out; bisection: the ends first, then middles",
    )
    test_frames: Frames | None = None
    stop_after_test: bool = False
    approval: bool = Field(
        default=False, description="A person looks at the test frames before the others start"
    )
    steps: list[StepBody] | None = Field(
        default=None, min_length=1, max_length=_MOST_STEPS, description="Instead of frames"
    )
    after: list[Annotated[AfterJobBody, BeforeValidator(_after_job)]] = Field(
        default_factory=list, max_length=_MOST_AFTER, description="Jobs that have to end first"
    )
    priority: Priority = DEFAULT_PRIORITY
    deadline: AwareDatetime | None = Field(
        default=None, description="When it would be good to have it: a hint among equals"
    )
    failure_budget: int | None = Field(
        default=None,
        ge=0,
        le=2**31 - 1,
        description="Frames that may be given up before the whole job stops; "
        "null: a tenth, and at least ten",
    )
    needs: NeedsBody = Field(default_factory=NeedsBody)
    limits: Names = Field(
        default_factory=list, description="Of which each task takes one while it runs"
    )
    chunk: Chunk = None
    tiles: Tiles | None = Field(
        default=None,
        description="Cut each frame into tiles, which any machines render, and stitch them; "
        "a text such as 2x2 (columns x rows) will do",
        examples=[{"columns": 2, "rows": 2}],
    )
    film: Literal["mp4"] | None = Field(
        default=None, description="Make a film of the frames when they are done"
    )
    fps: int = Field(default=24, ge=1, le=240, description="Frames a second of the film")
    contact_sheet: bool = Field(
        default=False, description="Make one image that shows the frames when they are done"
    )
    settings: Settings = Field(default_factory=dict)
    time_limits: TimesBody = Field(default_factory=TimesBody)
    retry: RetryBody = Field(default_factory=RetryBody)
    pool: Name | None = None
    user_label: Name | None = None
    allow_waiting: bool = Field(
        default=False,
        description="Accept needs that no enrolled node could ever meet, and limits that nobody "
        "has set up",
    )
    allow_missing: bool = Field(
        default=False, description="Accept a scene although an analysis found files missing"
    )


class PriorityBody(Body):
    """A new priority of a job."""

    priority: Priority
