"""What a farm tells: frozen, and read leniently, so that a newer farm is understood."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

FINISHED = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


class Answer(BaseModel):
    """Root of what a farm answers: fields that are not known are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class FrameCounts(Answer):
    """How many frames of a job stand where."""

    total: int
    succeeded: int = 0
    failed: int = 0
    running: int = 0


class Job(Answer):
    """A job; `progress` is 0 to 1, running frames included."""

    id: str
    name: str = ""
    kind: str = ""
    state: str
    progress: float = 0.0
    frames: FrameCounts
    error: str | None = None
    priority: int = 0
    pool: str = ""
    user_label: str = ""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will be rendered unless somebody asks again."""
        return self.state in FINISHED


class Reason(Answer):
    """One thing that keeps frames of a job from being rendered."""

    kind: str
    text: str
    fields: Mapping[str, Any] = Field(default_factory=dict)


class Forecast(Answer):
    """When a job will have ended: the best case, what is likely, and the worst."""

    earliest: datetime | None = None
    expected: datetime
    latest: datetime | None = None


class Outlook(Answer):
    """Why a job waits, the most decisive first, and when it will have ended.

    Attributes:
        at: When the farm's scheduler looked last; None when it has not yet.
    """

    id: str
    state: str
    reasons: tuple[Reason, ...] = ()
    forecast: Forecast | None = None
    at: datetime | None = None


class Result(Answer):
    """One finished image or film; `url` reads it for a while, `blake3` says what it has to hold.

    Attributes:
        step: Name of the step that made it.
        name: Of its file, such as `0001.png` or `film.mp4`.
        url: None where the frame was to leave no file.
        thumbnail_url: Reads a small JPEG of it; None where there is none, as of an archive.
    """

    frame: int
    step: str = ""
    name: str = ""
    node_id: str
    attempt_id: str
    blake3: str
    size: int
    width: int
    height: int
    media_type: str
    seconds: float
    peak_ram: int | None = None
    samples: int | None = None
    engine: str | None = None
    created_at: datetime
    url: str | None
    thumbnail_url: str | None = None


class Attempt(Answer):
    """One try of one task on one node."""

    id: str
    task_id: str
    node_id: str
    state: str
    failure: str | None = None
    detail: str | None = None
    assigned_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


class Node(Answer):
    """A render machine, and what it offers."""

    id: str
    name: str
    state: str
    offer: Mapping[str, Any]
    seen_at: datetime


class Analysis(Answer):
    """What stands in a scene.

    Attributes:
        scene_info: Renderer, frame range, size.
        asset: Files that the scene needs.
        missing: Those of them that are not there.
        used_by: What uses each of those.
        hints: How some of them would be found.
    """

    scene_info: Mapping[str, Any]
    asset: tuple[str, ...] = ()
    missing: tuple[Mapping[str, str], ...] = ()
    used_by: Mapping[str, tuple[str, ...]] = {}
    hints: Mapping[str, str] = {}


class DesignJob(Answer):
    """A still of a design, as `GET /jobs/{id}` tells it; `resultUrl` reads the image."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    job_id: str = Field(validation_alias="jobId")
    status: str
    result_url: str | None = Field(default=None, validation_alias="resultUrl")
    error: str | None = None
    created_at: datetime = Field(validation_alias="createdAt")
    started_at: datetime | None = Field(default=None, validation_alias="startedAt")

    @property
    def finished(self) -> bool:
        """Whether the image is there, or never will be."""
        return self.status in FINISHED


class Bundle(Answer):
    """Files that were handed in.

    Attributes:
        assets: Paths in the bundle to the ids of their contents.
        uploaded: How many contents had to be sent; the others were there.
        sent: Bytes.
    """

    bundle_id: str
    assets: Mapping[str, int]
    uploaded: int
    sent: int

    @property
    def present(self) -> int:
        """How many files needed no sending."""
        return len(self.assets) - self.uploaded
